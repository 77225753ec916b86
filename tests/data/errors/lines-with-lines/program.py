class A:
    def __init__(self, bad):
        self.bad = bad

    def __enter__(self):
        if self.bad:
            raise KeyError("enter")

    def __exit__(self, *_):
        pass


with A(False) as a, A(
    False
) as b, A(
    True
) as c:
    print(1)
