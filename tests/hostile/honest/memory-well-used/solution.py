import gc
rows = [[i * j for j in range(300)] for i in range(3000)]
print(sum(map(sum, rows)))
del rows
gc.collect()
data = bytearray(100 << 20)
print(len(data))
