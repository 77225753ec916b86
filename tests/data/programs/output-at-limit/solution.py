print('x' * 99999)
