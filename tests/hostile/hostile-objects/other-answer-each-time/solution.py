class Answer:
    n = 0
    @property
    def value(self):
        Answer.n += 1
        return Answer.n
def f(x):
    return Answer()
