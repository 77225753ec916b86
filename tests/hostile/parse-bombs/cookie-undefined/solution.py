# coding: undefined
print(1)
