class A:
    def __contains__(self, item):
        raise TypeError(item)


3 in A()
