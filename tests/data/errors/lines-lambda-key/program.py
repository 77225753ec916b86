sorted(
    ["b", "a"],
    key=lambda word:
        word.missing,
)
