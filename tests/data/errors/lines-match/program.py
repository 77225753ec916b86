value = (1, 2)
match value:
    case (1, x) if x.missing:
        print(x)
    case _:
        pass
