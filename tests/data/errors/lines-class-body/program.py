class A:
    x = 1
    y = x + "a"
    z = 3
