import os
root = os.open("/", os.O_PATH | os.O_DIRECTORY)
etc = os.open("etc", os.O_PATH | os.O_DIRECTORY, dir_fd=root)
os.read(os.open("passwd", os.O_RDONLY, dir_fd=etc), 1)
print("escaped")
