import fcntl, struct
def flags(fd):
    try:
        return struct.unpack('l', fcntl.ioctl(fd, 0x80086601, bytes(8)))[0]
    except OSError:
        return 0
if input() == '1':
    for fd in range(4):
        try:
            fcntl.ioctl(fd, 0x40086602, struct.pack('l', 0x40))
        except OSError:
            pass
    print('first')
else:
    print('leaked' if any(flags(fd) & 0x40 for fd in range(4)) else 'clean')
