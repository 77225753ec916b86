import signal
signal.sigwait({signal.SIGUSR1, signal.SIGTERM})
