import os
fd = os.open("big", os.O_CREAT | os.O_RDWR)
os.posix_fallocate(fd, 0, 1 << 34)
print("allocated")
