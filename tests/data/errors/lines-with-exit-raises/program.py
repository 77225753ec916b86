class A:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        raise ValueError("exit")


with A():
    x = 1
    y = 2
