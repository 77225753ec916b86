with open("a") as a, :
    pass
