x = [
    1,
    int("2"),
    int("three"),
    4,
]
