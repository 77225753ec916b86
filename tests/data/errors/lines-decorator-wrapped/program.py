import functools


def loud(function):
    @functools.wraps(function)
    def inner(*args):
        return function(*args)
    return inner


@loud
def f(x):
    return 1 / x


f(0)
