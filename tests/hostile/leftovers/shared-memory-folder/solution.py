import os
if input() == '1':
    try:
        open('/dev/shm/codefeedback-hole-x', 'w').close()
        if os.getpid() < 1000 and os.getppid() < 100:
            os.utime('/dev/shm', (1, 1))
            os.setxattr('/dev/shm', 'user.left', b'x')
    except OSError:
        pass
    print('first')
else:
    print('leaked' if os.path.isdir('/dev/shm') and (os.stat('/dev/shm').st_atime == 1 or 'user.left' in os.listxattr('/dev/shm')) else 'clean')
