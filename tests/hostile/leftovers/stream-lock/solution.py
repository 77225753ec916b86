import fcntl, os
def locked(path):
    try:
        fcntl.flock(os.open(path, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
if input() == '1':
    for fd in range(4):
        fcntl.flock(fd, fcntl.LOCK_EX)
    print('first')
else:
    print('leaked' if locked('/dev/stdin') or locked('/dev/stderr') else 'clean')
