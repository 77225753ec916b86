import os, signal
signal.signal(signal.SIGTERM, lambda *rest: print("got it"))
os.killpg(os.getpgrp(), 0)
os.kill(os.getpid(), signal.SIGTERM)
print("alive")
