import os, sys
sys.stdout = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
print(sum(map(int, sys.stdin.read().split())))
