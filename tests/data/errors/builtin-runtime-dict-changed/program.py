table = {1: 1, 2: 2}
for key in table:
    table[key + 10] = 1
