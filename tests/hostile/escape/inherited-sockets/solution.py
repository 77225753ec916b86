# A descriptor that is somebody's ear.
import os, socket, stat
for fd in range(3, 256):
    try:
        if stat.S_ISSOCK(os.fstat(fd).st_mode):
            os.write(fd, bytes(8))
            print("escaped")
    except OSError:
        pass
