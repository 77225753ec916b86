@staticmethod
@(3)
def f():
    pass
