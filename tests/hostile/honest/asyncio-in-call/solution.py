import asyncio
async def work(x):
    await asyncio.sleep(0)
    return x + 1
def f(x):
    return asyncio.new_event_loop().run_until_complete(work(x))
