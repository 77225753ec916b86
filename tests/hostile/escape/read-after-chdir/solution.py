import os
os.chdir("/")
open("etc/passwd").read()
print("escaped")
