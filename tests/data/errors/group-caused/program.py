try:
    1 / 0
except ZeroDivisionError as error:
    raise ExceptionGroup("several", [ValueError(1)]) from error
