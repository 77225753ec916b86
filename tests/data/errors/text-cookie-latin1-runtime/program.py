# coding: latin-1
x = 'grün'
x.missing
