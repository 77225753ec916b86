def f(callback):
    while True:
        callback(1)
