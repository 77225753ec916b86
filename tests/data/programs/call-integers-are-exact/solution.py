def f():
    return 30000001
