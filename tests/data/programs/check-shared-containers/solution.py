def twice(a, b):
    a.append(1)
    return a is b
def row(m):
    m[0][0] = 9
    return m
def inside(t):
    t[0].append(2)
def swap(a, b):
    a[:], b[:] = b[:], a[:]
