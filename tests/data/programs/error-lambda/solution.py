f = lambda x: x.y
print(f(1))
