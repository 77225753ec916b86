raise ExceptionGroup("several", [ValueError(1), KeyError(2)])
