class D:
    def __get__(self, instance, owner):
        raise LookupError("get")


class A:
    d = D()


A.d
