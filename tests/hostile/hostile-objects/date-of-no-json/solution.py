class datetime:
    def isoformat(self):
        return object()
datetime.__module__ = "datetime"
def f(x):
    return datetime()
