import fcntl, os, time
file = open("lock", "w")
if os.fork() == 0:
    fcntl.lockf(file, fcntl.LOCK_EX)
    time.sleep(1000)
time.sleep(0.1)
fcntl.lockf(file, fcntl.LOCK_EX)
