def f(x):
    return 1 << 8_000_000
