def f():
    return "x" * (20 << 20)
