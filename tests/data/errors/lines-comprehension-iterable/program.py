x = [
    n
    for m in [1]
    for n in m
]
