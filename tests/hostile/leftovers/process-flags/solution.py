import ctypes
libc = ctypes.CDLL(None)
if input() == '1':
    libc.prctl(29, 123456, 0, 0, 0)
    libc.prctl(15, b'leaked', 0, 0, 0)
    libc.personality(0x0040000)
    print('first')
else:
    flags = libc.personality(0xffffffff)
    print('leaked' if libc.prctl(30, 0, 0, 0, 0) == 123456 or flags != -1 and flags & 0x0040000 else 'clean')
