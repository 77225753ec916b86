import contextlib


@contextlib.contextmanager
def f():
    print("in")
    yield 1
    print("out")
    1 / 0


with f():
    x = 1
