# What failed in the test is told to __exit__.
told = []
class Guard:
    def __enter__(self):
        return self
    def __exit__(self, kind, error, trace):
        told.append((kind, error))
        return True
def f(x):
    return Guard()
