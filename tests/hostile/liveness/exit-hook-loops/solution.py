import atexit
def again():
    atexit.register(again)
    while True:
        pass
atexit.register(again)
print(4)
