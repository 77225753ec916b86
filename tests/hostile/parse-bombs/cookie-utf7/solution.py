# coding: utf-7
# +AAo-print(3)
print(2)
