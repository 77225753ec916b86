def f():
    return open("/etc/passwd").readline()[:4]
