"""Entry point of the sandboxed interpreter: ``python -s -S main.py CONTROL_FD``, or ``probe``, or
``contained SOCKET SECONDS`` in a container.

Loads the guest's modules as a package of their own, then hides them: the program under test finds
neither their names among the loaded modules nor their folder on its path.
"""

import importlib
import os
import sys
from typing import Any


def _load(module: str) -> Any:
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    # The folder of this file came first by itself; nothing beside the standard library may stay.
    sys.path[:1] = [home]
    loaded = importlib.import_module("guest." + module)

    sys.path.remove(home)
    for name in [name for name in sys.modules if name == "guest" or name.startswith("guest.")]:
        del sys.modules[name]
    return loaded


if __name__ == "__main__":
    if sys.argv[1] == "probe":
        _load("probe").main()
    elif sys.argv[1] == "contained":
        _load("contained").main(sys.argv[2], float(sys.argv[3]))
    else:
        _load("zygote").main(int(sys.argv[1]))
