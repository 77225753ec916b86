import os
os.execv("/bin/sh", ["sh", "-c", "head -c 4 /etc/passwd"])
