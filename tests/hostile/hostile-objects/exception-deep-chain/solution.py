def f(x):
    error = ValueError(0)
    for n in range(100_000):
        later = ValueError(n)
        later.__cause__ = error
        error = later
    raise error
