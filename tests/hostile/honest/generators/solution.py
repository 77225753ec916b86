def countdown(n):
    while n:
        received = yield n
        n = received if received is not None else n - 1
def f(n):
    def inner():
        yield from countdown(n)
        return 1
    return list(inner())
g = countdown(3)
print(next(g), g.send(9), f(3))
g.close()
