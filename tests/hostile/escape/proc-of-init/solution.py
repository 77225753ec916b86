import os
if os.getpid() == 1:
    raise SystemExit("that is me")
open("/proc/1/environ", "rb").read(1)
print("escaped")
