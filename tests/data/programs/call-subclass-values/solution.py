import collections, enum
class E(enum.IntEnum):
    A = 3
P = collections.namedtuple('P', 'x y')
def f():
    return [E.A, P(1, 2), collections.Counter('aab'), collections.OrderedDict(a=1)]
