import signal
if input() == '1':
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR2})
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 1000)
    print('first')
else:
    print('leaked' if signal.SIGUSR2 in signal.pthread_sigmask(signal.SIG_BLOCK, ()) or signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN or signal.getitimer(signal.ITIMER_REAL)[0] else 'clean')
