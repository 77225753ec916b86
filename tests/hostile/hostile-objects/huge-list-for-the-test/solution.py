def f(x):
    return [0] * 12_000_000
