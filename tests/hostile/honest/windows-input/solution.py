a = input()
b = input().strip()
import sys
rest = sys.stdin.read().split()
print(int(a) + int(b) + sum(map(int, rest)))
