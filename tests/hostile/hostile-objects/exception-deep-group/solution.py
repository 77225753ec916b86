import sys
def f(x):
    error = ValueError(0)
    for n in range(20_000):
        error = ExceptionGroup("g", [error])
    raise error
