# coding: utf-8
# coding: latin-1
x = 'é'
print(1)
