class A:
    def __call__(self):
        return undefined


A()()
