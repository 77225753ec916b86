import functools
def f(function, items, *, start=0):
    items.sort(key=function)
    return functools.reduce(lambda a, b: a + function(b), items, start)
