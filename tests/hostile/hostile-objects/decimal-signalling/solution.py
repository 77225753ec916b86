from decimal import Decimal
def f(x):
    return [Decimal("sNaN"), {Decimal("1"): Decimal("sNaN")}]
