word = input()
while word == "1":
    pass
print("clean")
