import contextlib, io
held = io.StringIO()
with contextlib.redirect_stdout(held):
    print(sum(map(int, open(0).read().split())))
print(held.getvalue().strip())
