import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 256)
        time.sleep(30)
    os._exit(0)
os.wait()
print("no answer")
