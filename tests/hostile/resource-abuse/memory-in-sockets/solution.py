import socket
held = []
try:
    for _ in range(2000):
        a, b = socket.socketpair()
        held += [a, b]
        a.setblocking(False)
        try:
            while True:
                a.send(bytes(65536))
        except BlockingIOError:
            pass
except OSError:
    raise SystemExit("no more")
print("filled")
