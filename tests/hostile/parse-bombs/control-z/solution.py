print(1)

