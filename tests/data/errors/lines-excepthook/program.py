import sys


def hook(kind, error, trace):
    print("own words")


sys.excepthook = hook
1 / 0
