def f(a):
    a.append(3)
    a[0].append(9)
    a[1]['k'] = 2
