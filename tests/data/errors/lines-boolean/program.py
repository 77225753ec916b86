x = None
if (
    x is None
    and x.y
    or 3
):
    pass
