"""The guest as the only thing that runs in a container: the first process there waits for it.

When it ends, or after so many seconds, the first process ends as well, and the kernel ends all
that is left in the container: nothing of one that was forgotten stays.
"""

from __future__ import annotations

import _socket  # `socket` itself loads much more, which every program would carry
import binascii
import os
import signal
import site
import sys
import time
from typing import List

from . import channel, landlock, seccomp, zygote

UNREACHABLE = "the grader's socket cannot be reached"


def main(path: str, seconds: float) -> None:
    """Connects to the grader's socket at `path`, introduces itself, and serves."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.connect(path)
    except OSError as error:
        sys.exit("%s: %s" % (UNREACHABLE, error.strerror))
    control = connection.detach()
    # Blocked before the fork: a signal that comes early is not lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    pid = os.fork()
    if pid:
        os.close(control)
        _wait(pid, seconds)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    os.setsid()
    machine = seccomp.supported()
    channel.send(control, {"guest": version(), "seccomp": machine})
    here = {"seccomp": machine, "landlock": landlock.version() > 0, "paths": _installed()}
    zygote.main(control, here)


def _wait(pid: int, seconds: float) -> None:
    """Until that process ends, or for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        signal.sigtimedwait([signal.SIGCHLD], max(0.0, end - time.monotonic()))
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
    os._exit(1)


def _installed() -> List[str]:
    return [path for path in site.getsitepackages() if os.path.isdir(path)]


def version() -> str:
    """Tells this guest from others: a checksum of its text."""
    folder = os.path.dirname(os.path.abspath(__file__))
    checksum = 0
    for name in sorted(os.listdir(folder)):
        if name.endswith(".py"):
            with open(os.path.join(folder, name), "rb") as file:
                checksum = binascii.crc32(name.encode() + file.read(), checksum)
    return "%08x" % checksum
