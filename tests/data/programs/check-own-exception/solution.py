class Bad(ValueError):
    pass
def f():
    raise Bad('no')
