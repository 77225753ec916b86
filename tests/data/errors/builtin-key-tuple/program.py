table = {}
table[1, 2] += 1
