import socket
server = socket.socket(socket.AF_UNIX)
server.bind("ear")
server.listen()
print("escaped")
