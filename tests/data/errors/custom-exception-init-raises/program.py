class A(Exception):
    def __init__(self, code):
        self.code = code + 1


raise A("x")
