table = {"a": 1}
print(
    table["a"],
    table["a"],
    table["b"],
)
