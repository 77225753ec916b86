x = 1
y = (
    f"{x}"
    "two"
    f"{x.missing}"
    f"{x}"
)
