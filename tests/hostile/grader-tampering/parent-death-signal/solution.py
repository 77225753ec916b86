import ctypes, os
ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # a subreaper: adopts what it detaches
if os.fork() == 0:
    if os.fork():
        os._exit(0)
    while True:
        pass
os.wait()
os.wait()
