with open("no-such-file.txt") as file:
    print(file.read())
