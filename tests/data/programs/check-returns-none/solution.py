def inc(x):
    pass
