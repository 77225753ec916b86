import enum
class Color(enum.Enum):
    RED = 1
class Level(enum.IntEnum):
    LOW = 1
class Flags(enum.Flag):
    A = enum.auto()
    B = enum.auto()
def f(x):
    match x:
        case [first, *rest]:
            return Level.LOW + len(rest)
        case {"k": value}:
            return value
        case _:
            return Color.RED.name
