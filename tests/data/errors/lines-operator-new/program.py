class A:
    def __new__(cls):
        return undefined


A()
