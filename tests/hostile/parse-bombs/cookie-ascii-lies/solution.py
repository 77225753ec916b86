# coding: ascii
x = 'é'
print(1)
