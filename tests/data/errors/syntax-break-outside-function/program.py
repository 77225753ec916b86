while True:
    def f():
        break
    break
