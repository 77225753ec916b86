print(sum(map(int, open("/dev/fd/0").read().split())))
