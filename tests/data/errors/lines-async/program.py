import asyncio


async def inner():
    await asyncio.sleep(0)
    return 1 / 0


async def outer():
    return await inner()


asyncio.run(outer())
