global total
total = 0
def add(x):
    global total
    total += x
for word in open(0).read().split():
    add(int(word))
print(total)
