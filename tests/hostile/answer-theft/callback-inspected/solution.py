def f(callback):
    return callback.__globals__["SECRET"]
