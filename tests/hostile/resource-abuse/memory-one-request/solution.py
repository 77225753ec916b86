def f():
    return len(bytearray(1 << 45))
