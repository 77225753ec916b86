def a(x):
    return x[5]
def b(x):
    return x[5]
b([1])
