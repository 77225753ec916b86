import sys


def even(n): return odd(n - 1) if n else True
def odd(n): return even(n - 1) if n else False


sys.setrecursionlimit(60)
even(-1)
