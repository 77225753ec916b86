x = [
    n
    for n in [1, "a"]
    if n + 1
]
