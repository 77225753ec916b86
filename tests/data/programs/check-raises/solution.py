def inc(x):
    return x + y
