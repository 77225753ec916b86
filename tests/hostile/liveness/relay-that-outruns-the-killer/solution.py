# A process that is looked up has already handed on and left.
import os, time
end = time.monotonic() + 4
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        while time.monotonic() < end:
            if os.fork():
                os._exit(0)
        os._exit(0)
print("no answer")
