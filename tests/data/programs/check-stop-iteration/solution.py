class E(StopIteration):
    pass
def f(x):
    raise StopIteration
def g(x):
    raise E
