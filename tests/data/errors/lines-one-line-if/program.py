x = 0
if True: print(1 / x)
