class M(type):
    pass


class N(type):
    pass


class A(metaclass=M):
    pass


class B(A, metaclass=N):
    pass
