import os
pid = os.fork()
if pid == 0:
    os.write(1, b'child\n')
    os._exit(0)
os.waitpid(pid, 0)
print('parent')
