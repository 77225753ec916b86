x = [
    n
    for n
    in 3
]
