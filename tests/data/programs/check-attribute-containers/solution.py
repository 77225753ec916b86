class Node:
    def __init__(self, v):
        self.v = v
        self.children = []
    def total(self):
        return self.v + sum(c.total() for c in self.children)
