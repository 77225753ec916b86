import functools
@functools.lru_cache(maxsize='x' + 1)
def g():
    pass
