try:
    1 / 0
except ZeroDivisionError as error:
    error.add_note("a note\nof two lines")
    raise
