# A hole of a terabyte in front of one byte.
import os
try:
    os.lseek(1, 1 << 40, os.SEEK_SET)
    os.write(1, b"x")
except OSError:
    os.ftruncate(1, 1 << 40)
print("made")
