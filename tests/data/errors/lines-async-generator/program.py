import asyncio


async def f():
    yield 1
    yield 1 / 0


async def main():
    async for x in f():
        print(x)


asyncio.run(main())
