def apply(f, xs):
    return [f(x) for x in xs]
