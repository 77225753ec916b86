x = 1


@undefined
def f(
    a,
):
    return 1
