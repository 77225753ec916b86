import asyncio


async def main():
    async with 3:
        pass


asyncio.run(main())
