# The test's half must not wait for ever to be listened to.
import os, time
def f(x):
    return 4
import threading
if os.fork():
    time.sleep(1000)
