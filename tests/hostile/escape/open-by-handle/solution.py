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

# A file by its number: no path is looked up.
handle = ctypes.create_string_buffer(8 + 128)
ctypes.c_uint32.from_buffer(handle, 0).value = 128
mount = ctypes.c_int()
call("name_to_handle_at", -100, b".", handle, ctypes.byref(mount), 0)
folder = os.open(".", os.O_RDONLY)
call("open_by_handle_at", folder, handle, os.O_RDONLY)
print("escaped")
