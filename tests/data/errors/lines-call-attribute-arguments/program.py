class A:
    def f(self, *_):
        return self


(
    A()
    .f(
        1,
        2,
    )
    .f(
        1,
        1 / 0,
    )
    .f(3)
)
