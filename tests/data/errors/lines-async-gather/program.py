import asyncio


async def bad(n):
    await asyncio.sleep(0)
    if n:
        raise ValueError(n)


async def main():
    await asyncio.gather(
        bad(0),
        bad(1),
    )


asyncio.run(main())
