import socket
raise ConnectionRefusedError(111, "Connection refused")
