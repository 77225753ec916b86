import threading, time
def f(x):
    threading.Thread(target=time.sleep, args=(0.05,), daemon=True).start()
    return x
