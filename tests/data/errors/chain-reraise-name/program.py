def f():
    1 / 0


try:
    f()
except ZeroDivisionError as error:
    raise error
