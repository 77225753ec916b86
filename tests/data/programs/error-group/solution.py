def a():
    raise ValueError(1)
try:
    a()
except ValueError as e:
    err = e
raise ExceptionGroup('g', [err])
