print(2, x for x in [1])
