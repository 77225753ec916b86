def helper(x):
    return 3
def inc(x):
    return x
