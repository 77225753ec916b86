raise ValueError('\n  File "program.py", line 99, in f\nKeyError: 1')
