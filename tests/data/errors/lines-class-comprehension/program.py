class A:
    n = 3
    x = [n for _ in range(2)]
