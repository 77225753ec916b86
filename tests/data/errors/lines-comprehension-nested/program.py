x = [
    [
        1 / (m - n)
        for n in range(2)
    ]
    for m in range(2)
]
