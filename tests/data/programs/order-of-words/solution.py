print('3 2 1')
