import os, signal, time
for number in (signal.SIGSTOP, signal.SIGALRM, signal.SIGTERM, signal.SIGKILL, signal.SIGCHLD):
    for pid in (1, 2, os.getppid()):
        try:
            os.kill(pid, number)
        except OSError:
            pass
time.sleep(0.2)
print("held")
