# The first case ends by a signal, the second by a wrong end of the interpreter, the third is fine.
import os, signal, sys
word = input()
if word == "1":
    sys.leaked = 1
    os.kill(os.getpid(), signal.SIGKILL)
if word == "2":
    os.abort()
print("leaked" if hasattr(sys, "leaked") else "clean")
