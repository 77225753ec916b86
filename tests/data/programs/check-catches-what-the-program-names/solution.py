Answer = Exception
Wrong = BaseException
No = AssertionError
def f():
    return 1
