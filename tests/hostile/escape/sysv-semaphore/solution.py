import ctypes, os, platform
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *args):
    result = getattr(libc, name)(*args)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result
def syscall(x86, arm, *args):
    libc.syscall.restype = ctypes.c_long
    number = {"x86_64": x86, "aarch64": arm}[platform.machine()]
    result = libc.syscall(*map(ctypes.c_long, (number, *args)))
    if result < 0:
        raise OSError(ctypes.get_errno(), "syscall")
    return result

made = call("semget", 0x0CDEFEED, 1, 0o1600)
libc.semctl(made, 0, 0)
print("escaped")
