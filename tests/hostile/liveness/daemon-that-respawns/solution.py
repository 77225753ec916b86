# Two that watch each other through a pipe and fork anew.
import os, time
if os.fork() == 0:
    os.setsid()
    for _ in range(60):
        if os.fork():
            os._exit(0)
        time.sleep(0.02)
    os._exit(0)
print("no answer")
