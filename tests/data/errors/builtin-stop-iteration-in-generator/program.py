def f():
    yield 1
    next(iter([]))


for x in f():
    print(x)
