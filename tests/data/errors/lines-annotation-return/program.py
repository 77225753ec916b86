def f(a) -> undefined_type:
    return a


f(1)
