from fractions import Fraction
def f():
    return Fraction(1 << 2400000, (1 << 2500000) + 1)
