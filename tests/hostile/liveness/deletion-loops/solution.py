class Sticky:
    def __del__(self):
        while True:
            pass
x = Sticky()
print(4)
