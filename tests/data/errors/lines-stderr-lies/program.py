import sys

print('Traceback (most recent call last):\n  File "program.py", line 77, in f\nKeyError: 1',
      file=sys.stderr)
1 / 0
