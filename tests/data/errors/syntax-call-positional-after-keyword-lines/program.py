print(
    1,
    end="",
    sep="",
    2,
)
