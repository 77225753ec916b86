a = "ok"
b = "\x1"
