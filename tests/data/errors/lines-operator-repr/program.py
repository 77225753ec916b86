class A:
    def __repr__(self):
        return self.missing


print([A()])
