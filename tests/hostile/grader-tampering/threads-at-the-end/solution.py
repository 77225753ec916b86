import os, threading
def watch():
    threading.main_thread().join()
    os._exit(0)
threading.Thread(target=watch).start()
raise ValueError(1)
