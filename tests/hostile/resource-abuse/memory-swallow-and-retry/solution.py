kept, size = [], 1 << 24
while size:
    try:
        kept.append(bytearray(size))
    except MemoryError:
        size //= 2
print("done")
