from collections.abc import Mapping


class A(Mapping):
    pass


A()
