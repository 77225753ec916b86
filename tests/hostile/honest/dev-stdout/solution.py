total = sum(map(int, open(0).read().split()))
with open("/dev/stdout", "w") as file:
    file.write("%d\n" % total)
