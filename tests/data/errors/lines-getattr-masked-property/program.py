class A:
    @property
    def x(self):
        return self.z

    def __getattr__(self, name):
        raise AttributeError(name)


A().x
