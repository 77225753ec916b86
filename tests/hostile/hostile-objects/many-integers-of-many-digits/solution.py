def f(x):
    return [-(1 << 400_000)] * 50
