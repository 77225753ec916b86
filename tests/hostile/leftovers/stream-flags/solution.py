import fcntl, os
if input() == '1':
    for fd in range(3):
        fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND | os.O_NONBLOCK)
    print('first')
else:
    print('leaked' if any(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK for fd in range(3)) else 'clean')
