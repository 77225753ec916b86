class A:
    def __init_subclass__(cls, **kwargs):
        raise TypeError("no subclasses")


class B(A):
    x = 1
