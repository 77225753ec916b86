class Meta(type):
    @classmethod
    def __prepare__(mcs, name, bases):
        return 3


class A(metaclass=Meta):
    x = 1
