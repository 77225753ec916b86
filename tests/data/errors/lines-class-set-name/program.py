class D:
    def __set_name__(self, owner, name):
        1 / 0


class A:
    x = 1
    d = D()
