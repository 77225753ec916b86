text = "a"
result = (
    text
    .upper()
    .lower()
    .nothing()
    .strip()
)
