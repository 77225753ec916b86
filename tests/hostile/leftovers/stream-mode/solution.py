import os
def closed(path):
    try:
        os.close(os.open(path, os.O_RDONLY))
        return False
    except PermissionError:
        return True
if input() == '1':
    for fd in range(4):
        os.fchmod(fd, 0)
    print('first')
else:
    print('leaked' if closed('/dev/stdin') else 'clean')
