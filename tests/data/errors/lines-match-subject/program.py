match (
    1,
    undefined,
):
    case _:
        pass
