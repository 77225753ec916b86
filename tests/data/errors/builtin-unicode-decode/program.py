data = b"\xff\xfe"
data.decode("utf-8")
