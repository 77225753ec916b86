raise ValueError(
    "a",
    undefined,
)
