def f[T = int, U](x: T):
    pass
