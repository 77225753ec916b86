class A:
    def __bool__(self):
        return 3


if A():
    pass
