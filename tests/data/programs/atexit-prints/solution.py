import atexit
atexit.register(lambda: print('b'))
print('a')
