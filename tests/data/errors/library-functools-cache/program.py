from functools import lru_cache


@lru_cache(maxsize=None)
def f(n):
    if n == 0:
        raise ValueError("zero")
    return f(n - 1)


f(3)
