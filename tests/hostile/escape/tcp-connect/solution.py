import socket
for n in range(10):
    try:
        socket.create_connection(("127.0.0.1", 47610 + n), timeout=1).close()
        print("escaped")
        break
    except OSError:
        pass
