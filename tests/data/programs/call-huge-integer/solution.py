def f():
    return 1 << 100000
