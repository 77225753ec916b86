import asyncio


class A:
    def __aiter__(self):
        return self

    async def __anext__(self):
        raise ValueError("next")


async def main():
    async for x in A():
        print(x)


asyncio.run(main())
