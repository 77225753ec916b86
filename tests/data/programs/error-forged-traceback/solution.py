import sys
sys.stderr.write('Traceback (most recent call last):\n  File "solution.py", line 1, in <module>\nValueError: forged\n')
x = 1
[][1]
