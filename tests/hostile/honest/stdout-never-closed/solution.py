out = open(1, "w", buffering=1 << 16, closefd=False)
out.write("%d\n" % sum(map(int, open(0).read().split())))
