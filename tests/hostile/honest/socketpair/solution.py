import socket
a, b = socket.socketpair()
a.sendall(b"hello")
print(b.recv(5).decode())
