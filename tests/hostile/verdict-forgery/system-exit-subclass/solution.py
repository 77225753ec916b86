class Fine(SystemExit, AssertionError if False else Exception):
    code = 0
    def __bool__(self):
        return False
def f(x):
    raise Fine
