import os
for n in range(2000):
    os.mkdir("d%d" % n)
    os.symlink("x" * 1000, "d%d/link" % n)
print("no answer")
