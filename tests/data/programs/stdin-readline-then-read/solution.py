import sys
a = int(sys.stdin.readline())
print(a + sum(map(int, sys.stdin.read().split())))
