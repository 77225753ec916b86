def f():
    yield 1


f().throw(KeyError("early"))
