import contextlib


@contextlib.contextmanager
def f():
    yield 1


with f():
    x = 1
    [][0]
