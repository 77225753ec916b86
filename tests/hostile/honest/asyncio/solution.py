import asyncio
async def double(x):
    await asyncio.sleep(0.001)
    return 2 * x
async def main():
    print(sum(await asyncio.gather(*map(double, map(int, input().split())))))
asyncio.run(main())
