import os
def attempt(call):
    try:
        call()
        return True
    except OSError:
        return False
names = ("mem", "environ", "syscall", "maps", "fd/0", "fd/1", "root/etc/shadow", "cwd/x", "task/1/mem")
opened = [name for name in names for flags in (os.O_RDONLY, os.O_WRONLY)
          if attempt(lambda: os.close(os.open("/proc/1/" + name, flags)))]
print("escaped" if opened else "held")
