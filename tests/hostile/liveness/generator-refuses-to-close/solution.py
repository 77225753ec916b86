def stubborn():
    while True:
        try:
            yield
        except GeneratorExit:
            while True:
                pass
g = stubborn()
next(g)
del g
