x = 'a b c'
x.missing
