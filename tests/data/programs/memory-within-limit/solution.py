a = bytearray(200 * 1024 * 1024)
print(len(a))
