import os, struct
UNDEFINED = 0xFFFFFFFF
def made():
    os.umask(0o022)
    os.close(os.open('new', os.O_CREAT | os.O_WRONLY, 0o666))
    return os.stat('new').st_mode & 0o777
if input() == '1':
    entries = [(1, 0, UNDEFINED), (4, 0, UNDEFINED), (16, 0, UNDEFINED), (32, 0, UNDEFINED)]
    try:
        os.setxattr('.', 'system.posix_acl_default', struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *entry) for entry in entries))
    except OSError:
        pass
    print('first')
else:
    print('leaked' if not os.access(__file__, os.R_OK) or made() != 0o644 else 'clean')
