class Boom(KeyError):
    pass

def f():
    raise Boom('x')
f()
