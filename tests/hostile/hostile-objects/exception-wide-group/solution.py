def f(x):
    raise ExceptionGroup("g", [ValueError("x" * 500) for n in range(50_000)])
