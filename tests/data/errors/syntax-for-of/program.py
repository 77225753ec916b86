for i of [1, 2]:
    pass
