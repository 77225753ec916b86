class A:
    pass
def f():
    return {A()}
def g():
    return {A(): 1}
