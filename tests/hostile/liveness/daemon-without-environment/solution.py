import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.chdir("/")
        os.execve("/bin/sleep", ["[kworker/0:1]", "30"], {})
    os._exit(0)
os.wait()
print("no answer")
