# Each question makes another object that the test must keep.
class Thing:
    def __getattr__(self, name):
        return Thing()
    def __iter__(self):
        while True:
            yield Thing()
def f(x):
    return Thing()
