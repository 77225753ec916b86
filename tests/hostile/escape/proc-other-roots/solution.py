import os
for pid in range(1, 3000):
    for name in ("root/etc/passwd", "cwd/..", "environ", "maps"):
        if pid == os.getpid():
            continue
        try:
            os.read(os.open("/proc/%d/%s" % (pid, name), os.O_RDONLY), 1)
        except IsADirectoryError:
            pass
        except OSError:
            continue
        print("escaped")
        raise SystemExit
