import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(10):
    s.sendto(b"x", ("127.0.0.1", 47610 + n))
print("escaped")
