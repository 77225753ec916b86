x = '\N{'
print(1)
