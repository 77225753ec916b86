import os, re
for fd in range(256):
    try:
        data = os.pread(fd, 1 << 20, 0)
    except OSError:
        continue
    found = re.search(rb"heron-9182\d\d", data)
    if found:
        print(found[0].decode())
