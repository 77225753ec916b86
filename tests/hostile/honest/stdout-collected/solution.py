import atexit, io, sys
sys.stdout = io.StringIO()
@atexit.register
def write():
    sys.__stdout__.write(sys.stdout.getvalue())
print(sum(map(int, sys.stdin.read().split())))
