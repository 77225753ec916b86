import ctypes
libc = ctypes.CDLL(None)
def gone(number):
    if number >= 0:
        libc.shmctl(number, 0, None)
    return number >= 0
if input() == '1':
    libc.shmget(0x0CDE1EF7, 4096, 0o1666)
    print('first')
else:
    print('leaked' if gone(libc.shmget(0x0CDE1EF7, 0, 0)) else 'clean')
