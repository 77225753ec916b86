import copy, pickle
class Point:
    def __init__(self, x):
        self.x = x
    def __eq__(self, other):
        return self.x == other.x
def f(x):
    points = [Point(x), Point(x + 1)]
    return pickle.loads(pickle.dumps(points)) == copy.deepcopy(points)
print(f(1))
