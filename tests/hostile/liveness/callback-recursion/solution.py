def f(callback):
    return callback(f)
