def f():
    with open("/etc/passwd") as file:
        return file.read(4)
