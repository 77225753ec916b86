import asyncio
async def f():
    raise KeyError(1)
asyncio.run(f())
