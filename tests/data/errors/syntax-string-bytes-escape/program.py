a = 1
b = b"\x1"
