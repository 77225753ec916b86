import os
os.symlink("/", "root")
os.listdir("root/etc")
open("root/etc/passwd").read()
print("escaped")
