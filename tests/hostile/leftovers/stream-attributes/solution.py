import os
if input() == '1':
    for fd in range(4):
        try:
            os.setxattr(fd, 'user.left', b'x')
        except OSError:
            pass
    print('first')
else:
    print('leaked' if any(os.listxattr(fd) for fd in range(4)) else 'clean')
