import sys
a = sys.stdin.buffer.readline()
b = sys.stdin.buffer.readline()
print(int(a) + int(b) + int(sys.stdin.buffer.readline()))
