import os, time
kids = []
for _ in range(10):
    pid = os.fork()
    if pid == 0:
        data = bytearray(90 << 20)
        time.sleep(1)
        os._exit(0)
    kids.append(pid)
for pid in kids:
    os.waitpid(pid, 0)
print(1)
