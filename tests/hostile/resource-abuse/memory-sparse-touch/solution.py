def f(n):
    seen = [0] * n  # small pages first, all of them at last
    for i in range(0, n, 512):
        seen[i] = i
    return seen[-1]
