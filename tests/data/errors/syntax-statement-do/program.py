do:
    pass
while True
