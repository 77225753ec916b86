# The file behind stdin, beyond both of its ends.
import os
size = os.fstat(0).st_size
data = b""
for at in (0, size, size + 1, 1 << 16):
    data += os.pread(0, 1 << 16, at)
print(data.decode().replace("one", "").strip())
