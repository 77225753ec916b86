def f():
    raise ValueError(
        "a",
        "b",
    )


f()
