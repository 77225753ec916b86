# coding: __main__
print(1)
