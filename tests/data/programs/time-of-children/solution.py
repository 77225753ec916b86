import os
kids = []
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        while True:
            pass
    kids.append(pid)
for pid in kids:
    os.waitpid(pid, 0)
print(1)
