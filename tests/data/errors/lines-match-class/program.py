value = 1
match value:
    case int(
        1,
        2,
    ):
        pass
