class Meta(type):
    def __new__(mcs, name, bases, namespace):
        raise ValueError(name)


class A(metaclass=Meta):
    x = 1
