import os
data = b''
while part := os.read(0, 2):
    data += part
print(sum(map(int, data.split())))
