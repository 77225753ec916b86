x = 'one \
two \
three
y = 1
