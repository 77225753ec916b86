from concurrent.futures import ThreadPoolExecutor
import threading
pool = ThreadPoolExecutor(2)
pool.submit(threading.Event().wait)
print(4)
