f = lambda x: x / 0
g = lambda x: f(x)
g(1)
