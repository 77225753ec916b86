errors = []
try:
    1 / 0
except ZeroDivisionError as error:
    errors.append(error)
try:
    [][0]
except IndexError as error:
    errors.append(error)

raise ExceptionGroup("several", errors)
