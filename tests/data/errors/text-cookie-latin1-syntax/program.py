# coding: latin-1
x = 'grün' 3
