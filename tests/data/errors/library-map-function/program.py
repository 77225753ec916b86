def f(x):
    return 1 / x


list(map(f, [1, 0]))
