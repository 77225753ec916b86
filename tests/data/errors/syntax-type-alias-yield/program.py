def f():
    type A = (yield 1)
