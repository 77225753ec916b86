class A:
    @property
    def x(self):
        return self.y

    @property
    def y(self):
        return 1 / 0


A().x
