x = max(1, 2) \
    + min() \
    + 3
