import asyncio


async def main():
    x = await (
        3
    )


asyncio.run(main())
