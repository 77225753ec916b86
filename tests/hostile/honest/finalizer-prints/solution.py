import weakref
class Thing:
    pass
thing = Thing()
weakref.finalize(thing, print, sum(map(int, open(0).read().split())))
