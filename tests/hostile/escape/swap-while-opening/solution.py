# Another thread swaps the file for a link while it is being opened.
import os, threading, time
open("good", "w").write("x")
stop = False
def swap():
    while not stop:
        for target in ("good", "/etc/passwd"):
            os.symlink(target, "new")
            os.rename("new", "name")
os.symlink("good", "name")
thread = threading.Thread(target=swap)
thread.start()
end = time.monotonic() + 0.4
try:
    while time.monotonic() < end:
        try:
            if open("name").read(4) == "root":
                print("escaped")
                break
        except OSError:
            pass
finally:
    stop = True
