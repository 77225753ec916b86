import ctypes
libc = ctypes.CDLL(None)
def gone(number):
    if number >= 0:
        libc.msgctl(number, 0, None)
    return number >= 0
if input() == '1':
    libc.msgget(0x0CDE1EF7, 0o1666)
    print('first')
else:
    print('leaked' if gone(libc.msgget(0x0CDE1EF7, 0)) else 'clean')
