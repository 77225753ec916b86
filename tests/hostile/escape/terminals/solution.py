import os
def attempt(call):
    try:
        call()
        return True
    except OSError:
        return False
places = ["/dev/ptmx", "/dev/pts/ptmx", "/dev/tty", "/dev/console", "/dev/pts/0", "/dev/tty0"]
print("escaped" if any(attempt(lambda: os.close(os.open(path, os.O_RDWR))) for path in places) else "held")
