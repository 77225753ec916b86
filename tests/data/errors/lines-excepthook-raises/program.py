import sys


def hook(kind, error, trace):
    raise ValueError("hook")


sys.excepthook = hook
1 / 0
