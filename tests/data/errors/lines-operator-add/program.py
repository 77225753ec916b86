class A:
    def __add__(self, other):
        return other.missing


(
    A()
    + 3
)
