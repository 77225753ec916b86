class A:
    def __format__(self, spec):
        return 3


format(A(), "x")
