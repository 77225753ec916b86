import fcntl, os, sys, time
def held():
    try:
        fcntl.flock(os.open(os.path.realpath(sys.executable), os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
if input() == '1':
    if os.fork() == 0:
        os.setsid()
        fcntl.flock(os.open(os.path.realpath(sys.executable), os.O_RDONLY), fcntl.LOCK_EX)
        time.sleep(3)
        os._exit(0)
    time.sleep(0.1)
    print('first')
else:
    print('leaked' if held() else 'clean')
