x = 'ÿşÃ'
print(1)
