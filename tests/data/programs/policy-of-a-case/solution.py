print('B\na')
