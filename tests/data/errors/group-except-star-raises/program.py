try:
    raise ExceptionGroup("several", [ValueError(1)])
except* ValueError:
    1 / 0
