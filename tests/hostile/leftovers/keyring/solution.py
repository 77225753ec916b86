import ctypes, platform
libc = ctypes.CDLL(None)
def syscall(x86, arm, *args):
    return libc.syscall(x86 if platform.machine() == 'x86_64' else arm, *args)
if input() == '1':
    syscall(248, 217, b'user', b'codefeedback-hole', b'x', 1, -4)
    print('first')
else:
    print('leaked' if syscall(250, 219, 10, -4, b'user', b'codefeedback-hole', 0) > 0 else 'clean')
