class A(Exception):
    __module__ = "some.package"


raise A("x")
