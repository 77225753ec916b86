def f():
    next(g)
    yield 1


g = f()
next(g)
