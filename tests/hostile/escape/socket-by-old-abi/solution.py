# The 32-bit calls of the same processor: int 0x80, socket(AF_INET, SOCK_STREAM, 0).
import ctypes, mmap, platform
if platform.machine() != "x86_64":
    raise SystemExit("another processor")
code = bytes.fromhex("53 b867010000 bb02000000 b901000000 31d2 cd80 5b c3")
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(code)
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
if ctypes.CFUNCTYPE(ctypes.c_int)(address)() < 0:
    raise OSError("socket")
print("escaped")
