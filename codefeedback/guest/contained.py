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

from . import channel, kernel, landlock, seccomp, zygote

UNREACHABLE = "the grader's socket cannot be reached"
#: The status of a container that ended because it was forgotten, or had lived for long enough.
LIFETIME_OVER = 124
# Where programs can write that nothing but Landlock keeps from it.
_SHARED = ("/tmp", "/var/tmp", "/run", "/dev/mqueue")


def main(path: str, seconds: float) -> None:
    """Connects to the grader's socket at `path`, introduces itself, and serves."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.connect(path)
    except OSError as error:
        sys.exit("%s: %s" % (UNREACHABLE, error.strerror))
    control = connection.detach()
    machine = seccomp.supported()
    # Neither the first process nor its memory is the programs' business, nor what it may do theirs.
    kernel.guard_supervisor()
    kernel.drop_privileges()
    # Blocked before the fork: a signal that comes early is not lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    pid = os.fork()
    if pid:
        os.close(control)
        if machine is not None:
            seccomp.install(seccomp.broad_filter(machine))
        _wait(pid, seconds)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    os.setsid()
    channel.send(control, {"guest": version(), "seccomp": machine})
    confined = landlock.version() > 0
    here = {
        "seccomp": machine,
        "landlock": confined,
        "paths": _installed(),
        "swept": [] if confined else [path for path in _SHARED if os.access(path, os.W_OK)],
        "counted": _processes_are_counted(),
    }
    zygote.main(control, here)


def _wait(pid: int, seconds: float) -> None:
    """Until that process ends, or for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        signal.sigtimedwait([signal.SIGCHLD], max(0.0, end - time.monotonic()))
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
    os._exit(LIFETIME_OVER)


def _processes_are_counted() -> bool:
    """Whether the engine limits the number of processes in the container."""
    for path in ("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"):
        try:
            with open(path) as file:
                return file.read().strip() != "max"
        except OSError:
            pass
    return False


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
