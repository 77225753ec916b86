from functools import cmp_to_key

sorted([1, 2], key=cmp_to_key(lambda a, b: a - str(b)))
