import sys
data = sys.stdin.buffer.read().decode("latin-1")
sys.stdout.reconfigure(encoding="ascii", errors="backslashreplace")
print(len(data), data.strip())
