import os, socket, time
def heard():
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        mine.connect('\0codefeedback-hole-pair')
        return True
    except OSError:
        return False
if input() == '1':
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        mine.bind('\0codefeedback-hole-pair')
    except OSError:
        pass
    if os.fork() == 0:
        os.setsid()
        time.sleep(3)
        os._exit(0)
    print('first')
else:
    print('leaked' if heard() else 'clean')
