import builtins
for name in list(vars(builtins)):
    if not name.startswith("__") and name not in ("list", "vars"):
        delattr(builtins, name)
def f(x):
    return 0
