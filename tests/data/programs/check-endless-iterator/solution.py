def f():
    while True:
        yield 1
