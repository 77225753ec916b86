import sys
print(sum(int(word) for line in sys.stdin for word in line.rstrip("\n").split(" ")))
