class A:
    def __repr__(self):
        return 3


print(f"{A()!r}")
