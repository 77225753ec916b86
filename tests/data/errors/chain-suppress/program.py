import contextlib

with contextlib.suppress(KeyError):
    int("x")
