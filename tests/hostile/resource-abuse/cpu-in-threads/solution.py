import threading

def spin():
    x = bytes(1 << 20)
    import hashlib
    while True:
        hashlib.sha512(x)  # runs without the interpreter's lock

for _ in range(4):
    threading.Thread(target=spin).start()
