import os
held = []
while len(held) < 100_000:
    held.append(os.dup(0))
print(len(held))
