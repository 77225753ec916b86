def f(x):
    raise ValueError("x" * (3 << 20), ["y" * 1000] * 1000)
