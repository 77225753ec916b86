import os, time
for _ in range(6):
    if os.fork() == 0:
        x = bytearray(b"x") * (30 << 20)
        time.sleep(2)
        os._exit(0)
for _ in range(6):
    os.wait()
print("done")
