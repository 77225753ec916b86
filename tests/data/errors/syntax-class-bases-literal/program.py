class A(object, 1=2):
    pass
