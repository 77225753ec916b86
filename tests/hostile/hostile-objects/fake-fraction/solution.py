class Fraction:
    @property
    def numerator(self):
        return Fraction()
    denominator = numerator
    def __index__(self):
        return 1 / 0
Fraction.__module__ = "fractions"
def f(x):
    return Fraction()
