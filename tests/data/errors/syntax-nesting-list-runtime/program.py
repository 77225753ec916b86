x = []
for n in range(100000):
    x = [x]
print(repr(x))
