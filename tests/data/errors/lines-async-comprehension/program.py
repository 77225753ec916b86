import asyncio


async def f():
    yield 1
    yield 0


async def main():
    return [
        1 / x
        async for x in f()
    ]


asyncio.run(main())
