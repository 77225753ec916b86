x = 1


grün = 2
