import collections, enum
P = collections.namedtuple('P', 'x y')
class C(enum.IntEnum):
    RED = 3
def p():
    return P(1, 2)
def count(s):
    return collections.Counter(s)
def red():
    return C.RED
