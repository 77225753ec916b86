class Bad(Exception):
    def __str__(self):
        raise Bad
    __repr__ = __str__
    __class__ = property(lambda self: SystemExit)
    args = property(lambda self: 1 / 0)
    code = 0
def f(x):
    raise Bad
