import socket
mine, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
for n in range(10):
    for address in ("/tmp/codefeedback-canary-%d/datagram" % n, "\0codefeedback-canary-%d-datagram" % n):
        for send in (lambda: mine.sendto(b"hello", address), lambda: mine.sendmsg([b"hello"], [], 0, address)):
            try:
                send()
                print("escaped")
                raise SystemExit
            except OSError:
                pass
