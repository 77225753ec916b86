# The dynamic loader opens what it is told to run.
import glob, os, sys
loader = glob.glob("/lib64/ld-linux*") or glob.glob("/lib/ld-linux*") or ["/lib64/ld-linux-x86-64.so.2"]
os.execv(loader[0], [loader[0], "/usr/bin/head", "-c", "4", "/etc/passwd"])
