import socket
for n in range(10):
    for address in ("/tmp/codefeedback-canary-%d/stream" % n, "\0codefeedback-canary-%d-stream" % n):
        try:
            socket.socket(socket.AF_UNIX).connect(address)
            print("escaped")
            raise SystemExit
        except OSError:
            pass
