import threading
a, b = threading.Lock(), threading.Lock()
gate = threading.Barrier(2)
def take(first, second):
    with first:
        gate.wait()
        with second:
            print("never")
threading.Thread(target=take, args=(a, b)).start()
take(b, a)
