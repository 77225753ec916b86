import pickle
class A:
    def __init__(self, x):
        self.x = x
print(pickle.loads(pickle.dumps(A(3))).x)
