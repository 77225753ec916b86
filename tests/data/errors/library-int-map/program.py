list(map(int, "1 2 x".split()))
