import importlib

importlib.import_module(
    "no_such_module"
)
