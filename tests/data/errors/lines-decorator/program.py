def wrong(function):
    raise ValueError("no")


@wrong
def f():
    return 1
