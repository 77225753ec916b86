import sys
sys.excepthook = lambda *a: sys.exit(0)
x = 1
raise OSError('x')
