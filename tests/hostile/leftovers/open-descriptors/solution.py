import os
def alive(fd):
    try:
        os.fstat(fd)
        return True
    except OSError:
        return False
if input() == '1':
    for fd in range(40, 60):
        os.dup2(1, fd)
        os.set_inheritable(fd, True)
    print('first')
else:
    print('leaked' if any(alive(fd) for fd in range(40, 60)) else 'clean')
