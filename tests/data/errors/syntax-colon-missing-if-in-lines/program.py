x = 3
if (x ==
        3 and
        x)
    print(x)
