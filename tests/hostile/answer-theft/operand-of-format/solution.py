class Spy:
    def __format__(self, spec):
        return spec
    def __round__(self, digits=None):
        return digits
    def __index__(self):
        return 0
def f(x):
    return Spy()
