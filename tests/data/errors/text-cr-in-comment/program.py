x = 1 # onex = 2
x.missing
