x = [
    1,
    # and so on
