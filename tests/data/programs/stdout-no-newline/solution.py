print(6, end='')
