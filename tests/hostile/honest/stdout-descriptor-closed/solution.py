import os
print(sum(map(int, open(0).read().split())), flush=True)
os.close(1)

