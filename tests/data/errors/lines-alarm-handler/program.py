import signal


def handler(number, frame):
    raise TimeoutError("alarm")


signal.signal(signal.SIGTERM, handler)
signal.raise_signal(signal.SIGTERM)
