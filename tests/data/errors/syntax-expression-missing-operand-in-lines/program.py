total = (
    1
    +
)
