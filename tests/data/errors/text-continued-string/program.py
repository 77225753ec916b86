x = 'one \
two \
three'
x.missing
