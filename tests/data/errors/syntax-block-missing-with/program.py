with open("x"):
print(1)
