class Odd(ValueError):
    def __init__(self, n):
        super().__init__("odd: %d" % n)
        self.n = n
def f(n):
    if n % 2:
        raise Odd(n)
    return n // 2
