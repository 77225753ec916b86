import os, signal, time
pid = os.fork()
if pid == 0:
    os.setsid()
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(30)
time.sleep(0.1)
print("no answer")
