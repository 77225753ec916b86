рrint(1)
