import math
def f(n):
    return math.factorial(n) % 1000003
