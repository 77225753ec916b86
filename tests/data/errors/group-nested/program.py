try:
    int("x")
except ValueError as error:
    inner = ExceptionGroup("inner", [error, KeyError("k")])

raise ExceptionGroup("outer", [inner, TypeError("t")])
