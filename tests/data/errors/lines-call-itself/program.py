def f(a, b):
    raise ValueError(a)


f(
    1,
    2,
)
