import ctypes
ctypes.c_long.from_address(id(None)).value = 1
ctypes.c_long.from_address(id(())).value = 1
def f(x):
    return [None] * 100 and 0
