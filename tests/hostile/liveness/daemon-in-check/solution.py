import os, time
def f(x):
    if os.fork() == 0:
        os.setsid()
        time.sleep(30)
        os._exit(0)
    return 0
