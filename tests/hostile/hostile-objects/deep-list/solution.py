def f(x):
    value = []
    for _ in range(200_000):
        value = [value]
    return value
