import atexit, time
atexit.register(time.sleep, 1000)
print(4)
