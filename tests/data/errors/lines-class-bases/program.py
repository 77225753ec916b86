class A(
    object,
    undefined,
):
    pass
