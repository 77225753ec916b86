try:
    1 / 0
except ZeroDivisionError as error:
    kept = error

kept.__traceback__ = None
raise kept
