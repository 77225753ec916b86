class A(RuntimeError):
    pass


def f():
    raise A("x")


f()
