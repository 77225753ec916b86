c = 5
def f():
    global c
    c += 1
f()
print(c)
