import os
os.symlink("/etc/passwd", "link")
open("link").read()
print("escaped")
