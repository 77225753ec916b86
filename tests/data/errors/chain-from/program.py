try:
    1 / 0
except ZeroDivisionError as error:
    raise ValueError("bad") from error
