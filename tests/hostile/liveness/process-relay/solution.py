# Each does nothing but to hand on; no process is ever old.
import os, time
for _ in range(3000):
    if os.fork():
        time.sleep(0.001)
        os._exit(0)
print("no answer")
