import ctypes, os, platform
libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 41, "aarch64": 198}[platform.machine()]
if libc.syscall(number, 2, 1, 0) < 0:
    raise OSError(ctypes.get_errno(), "socket")
print("escaped")
