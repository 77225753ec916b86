# The caller's list changes after the answer was given.
import threading, time
def f(items):
    def later():
        time.sleep(0.05)
        items.clear()
    threading.Thread(target=later).start()
    return items
