def f():
    int('x')
try:
    f()
except ValueError:
    raise
