# Both processes go on in the guest: two answers, two ends.
import os
def f(x):
    if os.fork() == 0:
        return 4
    os.wait()
    return 5
