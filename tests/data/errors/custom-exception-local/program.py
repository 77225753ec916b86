def f():
    class Local(KeyError):
        pass
    raise Local("x")


f()
