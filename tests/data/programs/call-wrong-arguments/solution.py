limit = 3


def f():
    return limit
