def f():
    """What f does.
    return 1


print(f())
