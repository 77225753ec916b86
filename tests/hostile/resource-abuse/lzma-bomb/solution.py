import lzma
part = lzma.compress(bytes(1 << 20), preset=0)
out = b"".join(lzma.decompress(part) for _ in range(200))
print(len(out))
