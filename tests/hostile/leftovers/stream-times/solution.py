import os
if input() == '1':
    for fd in range(3):
        os.utime(fd, (1, 1))
    print('first')
else:
    print('leaked' if any(os.fstat(fd).st_atime == 1 for fd in range(3)) else 'clean')
