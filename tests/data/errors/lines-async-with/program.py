import asyncio


class A:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        raise KeyError("exit")


async def main():
    async with A() as a:
        x = 1
        print(x)


asyncio.run(main())
