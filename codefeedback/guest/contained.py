"""The guest as the only thing that runs in a container: the first process there waits for it.

When it ends, or after so many seconds, the first process ends as well, and the kernel ends all
that is left in the container: nothing of one that was forgotten stays.
"""

from __future__ import annotations

import _socket  # `socket` itself loads much more, which every program would carry
import os
import signal
import site
import sys
import time
from typing import List

from . import channel, identity, kernel, landlock, seccomp, zygote

# Where programs can write that nothing but Landlock keeps from it.
_SHARED = ("/tmp", "/var/tmp", "/run", "/dev/mqueue")
# Where the kernel shares processors out among containers first, and then within each.
_CPU_GROUP = ("/sys/fs/cgroup/cpu.weight", "/sys/fs/cgroup/cpu/cpu.shares")


def main(path: str, seconds: float) -> None:
    """Connects to the grader's socket at `path`, introduces itself, and serves."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.connect(path)
    except OSError as error:
        sys.exit("%s: %s" % (identity.UNREACHABLE, error.strerror))
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
    channel.send(control, {"guest": identity.version(), "seccomp": machine})
    confined = landlock.version() > 0
    here = {
        "seccomp": machine,
        "landlock": confined,
        "paths": _installed(),
        "swept": [] if confined else [path for path in _SHARED if os.access(path, os.W_OK)],
        "counted": _limit_of_processes() not in ("", "max"),
        "cpu_group": any(map(os.path.exists, _CPU_GROUP)),
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
    os._exit(identity.LIFETIME_OVER)


def _limit_of_processes() -> str:
    """What the engine says of it; empty if nothing."""
    for path in ("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"):
        try:
            with open(path) as file:
                return file.read().strip()
        except OSError:
            pass
    return ""


def _installed() -> List[str]:
    return [path for path in site.getsitepackages() if os.path.isdir(path)]
