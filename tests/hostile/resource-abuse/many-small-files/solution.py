import os
for number in range(3000):
    os.close(os.open("f%d" % number, os.O_CREAT, 0))
print("no answer")
