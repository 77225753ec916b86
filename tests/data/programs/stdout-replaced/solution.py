import sys, io
old = sys.stdout
sys.stdout = io.StringIO()
print(6)
old.write(sys.stdout.getvalue())
