# A child takes over; the parent's status is what counts.
import os, time
if os.fork() == 0:
    print(731, flush=True)
    os._exit(0)
os.wait()
os.abort()
