"""A zygote that forks and does nothing: what a fresh process costs at the very least.

Started by `speed.Floor` in the place of guest/main.py, in the same way and with the same settings:
it gets ready by the guest's own code, and then times bare forks where the zygote would serve
programs.
"""

import importlib
import os
import signal
import sys
import time
from typing import Any

_GUEST = __file__.rpartition("/benchmarks/")[0] + "/codefeedback/guest"


def _zygote() -> Any:
    """Loaded and hidden by guest/main.py itself, so that the same is in memory."""
    sys.path[0] = _GUEST
    main = importlib.import_module("main")
    del sys.modules["main"]
    return main._load("zygote")


def _seconds_of_forks(count: int) -> float:
    started = time.perf_counter()
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    return time.perf_counter() - started


def main(control: int) -> None:
    zygote = _zygote()
    channel = zygote.channel
    config = channel.receive(control)
    station = zygote._settle(control, config)
    # The handler would run for each child, and bare forks need none.
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    channel.send(station.control, {"ready": True})
    while True:
        try:
            request = channel.receive(station.control)
        except channel.ChannelClosed:
            os._exit(0)
        channel.send(station.control, {"seconds": _seconds_of_forks(request["forks"])})


if __name__ == "__main__":
    main(int(sys.argv[1]))
