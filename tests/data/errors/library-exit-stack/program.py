from contextlib import ExitStack


def clean():
    raise ValueError("clean")


with ExitStack() as stack:
    stack.callback(clean)
    x = 1
