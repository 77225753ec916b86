class Meta(type):
    def __repr__(cls):
        raise ValueError


class A(Exception, metaclass=Meta):
    pass


raise A("x")
