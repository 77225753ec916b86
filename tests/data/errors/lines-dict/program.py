x = {
    "a": 1,
    "b": int("two"),
    "c": 3,
}
