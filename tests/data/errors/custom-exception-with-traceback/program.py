def f():
    1 / 0


try:
    f()
except ZeroDivisionError as error:
    kept = error.__traceback__

raise ValueError("x").with_traceback(kept)
