x = '\U00110000'
print(1)
