# A pair of datagram sockets is allowed; each of them can be given another peer.
import socket
mine, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
for n in range(10):
    for address in ("/tmp/codefeedback-canary-%d/datagram" % n, "\0codefeedback-canary-%d-datagram" % n):
        try:
            mine.connect(address)
            mine.send(b"hello")
            print("escaped")
            raise SystemExit
        except OSError:
            pass
