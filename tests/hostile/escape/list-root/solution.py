import os
os.listdir("/")
os.listdir("/etc")
print("escaped")
