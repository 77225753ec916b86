import os, signal, time
pid = os.fork()
if pid == 0:
    time.sleep(20)
    os._exit(0)
os.kill(pid, signal.SIGTERM)
print(os.WTERMSIG(os.waitpid(pid, 0)[1]))
