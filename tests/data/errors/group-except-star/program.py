try:
    raise ExceptionGroup("several", [ValueError(1), KeyError(2)])
except* ValueError:
    print("one")
