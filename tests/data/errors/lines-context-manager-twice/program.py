import contextlib


@contextlib.contextmanager
def f():
    yield 1
    yield 2


with f():
    x = 1
