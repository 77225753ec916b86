class A:
    def f(self):
        return self

    def g(self):
        return None


a = A()
(
    a.f()
    .g()
    .f()
)
