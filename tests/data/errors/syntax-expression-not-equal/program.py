if 3 <> 4:
    print(1)
