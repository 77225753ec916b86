x = int(
    "12"
    "x"
)
