print('1\n1\n1\n1')
