def f(t, s, b, i, x):
    return (t, s, b, i, x)
