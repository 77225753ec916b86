from functools import lru_cache


@lru_cache(maxsize=None)
def f(n):
    return n


f([1])
