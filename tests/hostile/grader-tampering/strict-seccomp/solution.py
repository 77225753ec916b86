import ctypes
print(731, flush=True)
ctypes.CDLL(None).prctl(22, 1, 0, 0, 0)
