x = bytearray(3)
y = memoryview(x)
x.append(1)
