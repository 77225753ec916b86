a = []
try:
    while True:
        a.append(bytearray(10**6))
except MemoryError:
    print('1')
