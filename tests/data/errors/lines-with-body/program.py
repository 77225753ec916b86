class A:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False


with A():
    x = 1
    y = [
        x,
        x / 0,
    ]
    z = 3
