import gzip
part = gzip.compress(bytes(4 << 20))
print(len(gzip.decompress(part * 100)))
