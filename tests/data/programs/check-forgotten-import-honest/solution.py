import math
def f(x):
    return x / 2
