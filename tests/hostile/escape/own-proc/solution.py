# Names of its own process that lead somewhere else.
import os
for name in ("root/etc/passwd", "cwd/../../../../etc/passwd", "task/self/root/etc/passwd", "map_files", "mountinfo", "attr/current"):
    for base in ("self", "thread-self", str(os.getpid())):
        try:
            os.read(os.open("/proc/%s/%s" % (base, name), os.O_RDONLY), 1)
        except OSError:
            continue
        if "etc" in name:
            print("escaped")
