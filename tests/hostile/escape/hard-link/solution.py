import os
os.link("/etc/passwd", "mine")
open("mine").read()
print("escaped")
