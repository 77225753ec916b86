import os, signal
print(731, flush=True)
os.kill(os.getpid(), signal.SIGRTMIN + 3)
signal.pause()
