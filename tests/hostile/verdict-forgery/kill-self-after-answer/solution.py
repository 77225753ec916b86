import os, signal
print(731, flush=True)
os.kill(os.getpid(), signal.SIGTERM)
