class Answer:
    pass
class Int(int):
    pass
def f(x):
    made = Answer()
    try:
        made.__class__ = Int
    except TypeError:
        made.__dict__["__class__"] = int
    return made
