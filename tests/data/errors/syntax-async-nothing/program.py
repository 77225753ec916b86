async x = 3
