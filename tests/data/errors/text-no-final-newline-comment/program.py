x = 1
if x:
    # done