x = 1
if x and \
   x.missing:
    pass
