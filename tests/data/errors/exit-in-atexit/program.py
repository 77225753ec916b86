import atexit


@atexit.register
def f():
    raise ValueError("late")


1 / 0
