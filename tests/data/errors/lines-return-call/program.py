def f(x):
    return g(
        x,
        1,
    )


def g(x, y):
    return x / (y - 1)


f(1)
