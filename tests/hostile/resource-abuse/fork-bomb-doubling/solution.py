import os, time
for _ in range(8):
    os.fork()
time.sleep(2)
print("bang")
