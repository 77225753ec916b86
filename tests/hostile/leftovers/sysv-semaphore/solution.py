import ctypes
libc = ctypes.CDLL(None)
def gone(number):
    if number >= 0:
        libc.semctl(number, 0, 0)
    return number >= 0
if input() == '1':
    libc.semget(0x0CDE1EF7, 1, 0o1666)
    print('first')
else:
    print('leaked' if gone(libc.semget(0x0CDE1EF7, 0, 0)) else 'clean')
