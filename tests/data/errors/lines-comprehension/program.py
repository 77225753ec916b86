x = [
    1 / n
    for n in [
        1,
        0,
    ]
    if n < 3
]
