with open("x") as f:
    pass
else:
    pass
