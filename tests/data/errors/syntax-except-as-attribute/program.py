class A:
    pass
try:
    x = 1
except ValueError as A.b:
    pass
