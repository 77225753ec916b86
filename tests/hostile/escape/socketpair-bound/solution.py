# A pair that takes a name of its own can be reached by it.
import socket
mine, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
mine.bind("\0codefeedback-hole")
print("escaped")
