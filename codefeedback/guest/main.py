"""Entry point of the sandboxed interpreter: ``python -s -S main.py CONTROL_FD``, or ``probe``, or
``contained SOCKET SECONDS`` in a container.

Loads the guest's modules as a package of their own, then hides them: the program under test finds
neither their names among the loaded modules nor their folder on its path.
"""

import importlib
import os
import signal
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


def _expect_signals() -> None:
    """What whoever started the grader ignores or blocks (nohup, a shell's background) is neither
    our affair nor the programs'."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    pythons_own = (signal.SIGPIPE, signal.SIGXFSZ)
    for number in signal.valid_signals():
        if signal.getsignal(number) is signal.SIG_IGN and number not in pythons_own:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    _expect_signals()
    if sys.argv[1] == "probe":
        _load("probe").main()
    elif sys.argv[1] == "contained":
        _load("contained").main(sys.argv[2], float(sys.argv[3]))
    else:
        _load("zygote").main(int(sys.argv[1]))
