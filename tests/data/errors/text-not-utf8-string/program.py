x = 1
y = 'grün'
