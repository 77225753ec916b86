import os, time
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            data = bytearray(b"x") * (50 << 20)
            time.sleep(3)
        os._exit(0)
    os.wait()
time.sleep(1)
print("done")
