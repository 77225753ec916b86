# Files without a name, still open: nobody who lists folders sees them.
import os
held = []
for _ in range(60):
    fd = os.open("x", os.O_CREAT | os.O_RDWR)
    os.unlink("x")
    os.write(fd, bytes(4 << 20))
    held.append(fd)
print("no answer")
