def f(n):
    if n == 0:
        return 1 / n
    return (
        n
        + f(n - 1)
    )


f(50)
