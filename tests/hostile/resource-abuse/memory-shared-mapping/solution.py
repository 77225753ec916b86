import mmap
m = mmap.mmap(-1, 200 << 20)
for at in range(0, len(m), 4096):
    m[at] = 1
print(len(m))
