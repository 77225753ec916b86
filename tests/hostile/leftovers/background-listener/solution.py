import os, socket, time
def heard():
    try:
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).connect('\0codefeedback-hole-ear')
        return True
    except OSError:
        return False
if input() == '1':
    if os.fork() == 0:
        os.setsid()
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ear.bind('\0codefeedback-hole-ear')
        time.sleep(3)
        os._exit(0)
    time.sleep(0.1)
    print('first')
else:
    print('leaked' if heard() else 'clean')
