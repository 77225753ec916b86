class Meta(type):
    def __instancecheck__(cls, item):
        return True
    def __subclasscheck__(cls, other):
        return True
    __name__ = property(lambda cls: 1 / 0)
    __mro__ = property(lambda cls: (SystemExit,))
class Bad(Exception, metaclass=Meta):
    pass
def f(x):
    raise Bad(0)
