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

# A filter of one's own that hands calls to oneself, for a child that is more privileged.
class Filter(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32)]
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("filter", ctypes.POINTER(Filter))]
allow = (Filter * 1)(Filter(6, 0, 0, 0x7FFF0000))
program = Program(1, allow)
syscall(317, 277, 1, 0, ctypes.addressof(program))
# Allowing everything must not undo the sandbox's own filter.
open("/etc/passwd").read(1)
print("escaped")
