def f(a):
    async with a:
        pass
