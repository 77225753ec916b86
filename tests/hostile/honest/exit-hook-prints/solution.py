import atexit
total = sum(map(int, open(0).read().split()))
atexit.register(print, total)
