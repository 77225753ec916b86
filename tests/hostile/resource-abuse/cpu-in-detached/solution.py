# Orphans are nobody's children, but the program's all the same.
import os, time
for _ in range(2):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            end = time.monotonic() + 4
            while time.monotonic() < end:
                pass
        os._exit(0)
    os.wait()
time.sleep(2)
print("done")
