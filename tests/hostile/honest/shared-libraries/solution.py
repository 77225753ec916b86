import bz2, ctypes, hashlib, lzma, zlib
data = b"x" * 1000
print(ctypes.CDLL(None).abs(-3), len(zlib.decompress(zlib.compress(data))), hashlib.sha256(b"").hexdigest()[:8], bz2.decompress(bz2.compress(data)) == lzma.decompress(lzma.compress(data)))
