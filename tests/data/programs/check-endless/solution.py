def inc(x):
    while True:
        pass
