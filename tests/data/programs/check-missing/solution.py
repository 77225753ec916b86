def dec(x):
    return x
