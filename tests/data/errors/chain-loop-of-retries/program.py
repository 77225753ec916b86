def attempt(n):
    try:
        return 1 / n
    except ZeroDivisionError:
        if n < 0:
            return 0
        raise


for n in [1, 0]:
    attempt(n)
