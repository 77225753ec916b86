import signal
signal.signal(signal.SIGALRM, lambda *rest: None)
signal.setitimer(signal.ITIMER_REAL, 1e-5, 1e-5)
while True:
    signal.pause()
