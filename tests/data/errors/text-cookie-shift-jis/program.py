# coding: shift_jis
x = '日本'
x.missing
