class A:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


with (
    A() as a,
    A().missing as b,
):
    pass
