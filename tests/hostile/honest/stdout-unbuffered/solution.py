import sys
sys.stdout.reconfigure(line_buffering=True, write_through=True)
for word in sys.stdin.read().split():
    print(word, end=" ")
print()
