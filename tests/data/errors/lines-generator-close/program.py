def f():
    try:
        yield 1
    except GeneratorExit:
        yield 2


g = f()
next(g)
g.close()
