import socket
s = socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)
print("escaped")
