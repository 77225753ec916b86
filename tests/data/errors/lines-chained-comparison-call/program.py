def f(n):
    if n == 3:
        raise ValueError(n)
    return n


x = (
    f(1)
    < f(2)
    < f(3)
)
