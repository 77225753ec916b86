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

for name in "mem kmsg tty console ptmx fuse kvm net/tun loop-control vda sda vsock rtc0".split():
    for mode in (os.O_RDONLY, os.O_WRONLY):
        try:
            os.open("/dev/" + name, mode | os.O_NONBLOCK | os.O_NOCTTY)
            print("escaped")
            raise SystemExit
        except OSError:
            pass
