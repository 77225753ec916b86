class A:
    def f(self):
        raise NotImplementedError


A().f()
