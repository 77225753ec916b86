from decimal import Decimal, getcontext
from fractions import Fraction
import cmath, math, statistics
getcontext().prec = 30
def f(x):
    return [Decimal(1) / Decimal(x), Fraction(1, x) + Fraction(1, 2), math.comb(40, x), pow(x, -1, 7), statistics.median([x, 1, 2])]
