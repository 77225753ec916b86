import threading
threading.Event().wait()
def f(x):
    return 4
