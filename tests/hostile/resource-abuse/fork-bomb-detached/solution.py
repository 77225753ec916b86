# Each child leaves session and parent before it forks on.
import os, time
for _ in range(100):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(3)
        os._exit(0)
    os.wait()
time.sleep(1)
print("bang")
