class A:
    def __enter__(self):
        raise KeyError("enter")

    def __exit__(self, *_):
        pass


with A() as a:
    print(a)
