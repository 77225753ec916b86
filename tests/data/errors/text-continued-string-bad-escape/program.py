x = 'one \
two \x1\
three'
y = 1
