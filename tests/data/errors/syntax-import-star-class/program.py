class A:
    def f(self):
        x = 1
        from os import *
