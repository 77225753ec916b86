try:
    x = [
        1,
        2 / 0,
    ]
finally:
    y = 1
