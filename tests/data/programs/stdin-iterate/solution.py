import sys
t = 0
for line in sys.stdin:
    t += int(line)
print(t)
