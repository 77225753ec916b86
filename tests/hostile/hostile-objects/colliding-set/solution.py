def f(x):
    return {n * ((1 << 61) - 1) for n in range(900)} | {str(n) for n in range(20_000)}
