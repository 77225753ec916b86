import os
kept = os.dup(1)
null = os.open(os.devnull, os.O_WRONLY)
os.dup2(null, 1)
print("debugging", flush=True)
os.dup2(kept, 1)
print(sum(map(int, open(0).read().split())))
