x = 3
if x:
    pass
elif x > 3
    pass
