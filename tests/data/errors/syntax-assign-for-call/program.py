for f() in [2]:
    pass
