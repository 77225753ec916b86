import ctypes, platform
libc = ctypes.CDLL(None)
OPEN = 240 if platform.machine() == 'x86_64' else 180
def gone(fd):
    if fd >= 0:
        libc.syscall(OPEN + 1, b'codefeedback-hole')
    return fd >= 0
if input() == '1':
    libc.syscall(OPEN, b'codefeedback-hole', 0o102, 0o666, None)
    print('first')
else:
    print('leaked' if gone(libc.syscall(OPEN, b'codefeedback-hole', 0, 0, None)) else 'clean')
