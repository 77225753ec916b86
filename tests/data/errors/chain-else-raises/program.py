try:
    x = 1
except ValueError:
    pass
else:
    x[0]
