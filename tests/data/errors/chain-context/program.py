def f():
    return {}["a"]


try:
    f()
except KeyError:
    int("x")
