class deque:
    def __iter__(self):
        while True:
            yield 4
deque.__module__ = "collections"
def f(x):
    return deque()
