class Short(Exception):
    def __init__(self, need):
        self.need = need
    def __str__(self):
        return f'need {self.need}'
def pay(n):
    raise Short(n)
