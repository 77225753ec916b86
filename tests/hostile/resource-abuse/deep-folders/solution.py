import os
for _ in range(1200):
    os.mkdir("d" * 100)
    os.chdir("d" * 100)
os.chmod(".", 0)
print("no answer")
