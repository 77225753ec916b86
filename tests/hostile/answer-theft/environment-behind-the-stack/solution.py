# What the process was started with, whatever os.environ says now.
import ctypes
environ = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
at = 0
while environ[at]:
    at += 1
# The strings lie one after another; those of the parent's would lie behind.
low = min(ctypes.cast(environ[i], ctypes.c_void_p).value or 0 for i in range(at)) if at else 0
text = b"".join(environ[i] for i in range(at))
print("canary" if b"CANARY=canary" in text else "none")
