x = 1
y = x not 2
