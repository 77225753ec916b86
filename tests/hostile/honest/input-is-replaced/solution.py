import sys
input = iter(sys.stdin.read().splitlines()).__next__
lines = []
try:
    while True:
        lines.append(input())
except StopIteration:
    pass
print(sum(int(word) for line in lines for word in line.split()))
