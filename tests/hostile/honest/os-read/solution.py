import os
parts = []
while part := os.read(0, 3):
    parts.append(part)
print(sum(map(int, b"".join(parts).split())))
