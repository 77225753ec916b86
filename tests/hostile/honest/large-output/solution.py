import sys
n = int(input())
sys.stdout.write("\n".join(map(str, range(n))))
sys.stdout.write("\n")
for _ in range(200):
    sys.stderr.write("x" * 1000 + "\n")
