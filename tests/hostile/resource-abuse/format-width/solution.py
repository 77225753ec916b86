def f(n):
    return len("{:>{}}".format("x", n))
