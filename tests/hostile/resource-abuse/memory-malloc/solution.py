import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
held = 0
for _ in range(40):
    p = libc.malloc(16 << 20)
    if p:
        ctypes.memset(p, 1, 16 << 20)
        held += 1
print(held)
