def first():
    try:
        second()
    except KeyError as error:
        raise ValueError("one") from error


def second():
    try:
        third()
    except ZeroDivisionError:
        raise KeyError("two")


def third():
    1 / 0


first()
