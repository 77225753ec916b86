class ndarray:
    def tolist(self):
        return [self, self]
ndarray.__module__ = "numpy"
def f(x):
    return ndarray()
