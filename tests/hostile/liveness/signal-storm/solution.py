import os, signal
count = 0
def again(number, frame):
    global count
    count += 1
    os.kill(os.getpid(), signal.SIGUSR1)
signal.signal(signal.SIGUSR1, again)
again(0, None)
while True:
    pass
