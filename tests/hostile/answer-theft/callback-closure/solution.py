import gc
def f(callback):
    for thing in gc.get_referents(callback, *gc.get_referents(callback)):
        cells = getattr(thing, "__closure__", None)
        if cells:
            return cells[0].cell_contents
    return callback.__closure__[0].cell_contents
