class A(
    object,
):
    table = {
        "a": 1,
        "b": undefined,
    }
