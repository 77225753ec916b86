import os, sys
os.execve(sys.executable, [sys.executable, "-I", "-c", "print(open('/etc/passwd').read(4))"], {})
