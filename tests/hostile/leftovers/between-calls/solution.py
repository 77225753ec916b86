import builtins, functools
seen = getattr(builtins, "seen", 0)
builtins.seen = seen + 1
@functools.lru_cache(None)
def f(x):
    builtins.seen += 1
    return builtins.seen
