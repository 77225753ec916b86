import atexit, io, os, sys
buffer = io.BytesIO()
sys.stdout = io.TextIOWrapper(buffer, encoding="utf-8", write_through=True)
atexit.register(lambda: os.write(1, buffer.getvalue()))
print(sum(map(int, sys.stdin.read().split())))
