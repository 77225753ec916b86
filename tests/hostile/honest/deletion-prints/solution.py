class Last:
    def __init__(self, total):
        self.total = total
    def __del__(self, print=print):
        print(self.total)
last = Last(sum(map(int, open(0).read().split())))
