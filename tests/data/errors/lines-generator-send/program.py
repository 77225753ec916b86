def f():
    yield 1


f().send(3)
