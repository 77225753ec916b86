with open("a-file-that-is-not-there") as a, \
        open("b") as b:
    pass
