from decimal import Decimal, MAX_PREC, getcontext
getcontext().prec = MAX_PREC
print(Decimal(1) / Decimal(3))
