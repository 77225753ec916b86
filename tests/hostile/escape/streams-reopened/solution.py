# Opening a stream anew must not give what the sandbox keeps from the program.
import os
for name in ("/dev/stdin", "/dev/fd/3", "/dev/fd/4", "/dev/fd/5", "/proc/self/fd/3"):
    try:
        fd = os.open(name, os.O_RDWR)
        os.ftruncate(fd, 0)
        os.pwrite(fd, b'{"phase": "done", "value": 1}', 0)
    except OSError:
        pass
print("no answer")
os._exit(3)
