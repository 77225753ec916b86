"""Containers that nobody needs any more.

A container ends when the grader that started it is gone, and the engine removes it then. Where that
is not enough (the grader was killed before the container ran, or somebody paused it), `janitor`
removes it; `prune` finds by its label what escaped even that.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codefeedback.errors import SandboxUnavailableError
from codefeedback.sandbox.engine import Container, Engine

#: Every container of ours has this label; its value names the grader.
LABEL = "codefeedback.grader"
#: The start of the names of folders in which graders wait for containers to call.
SOCKET_FOLDER = "codefeedback-socket-"
#: ... and of those in which images are made.
BUILD_FOLDER = "codefeedback-image-"

_BUILT_SECONDS = 3600.0  # no build takes longer
_SETTLED_SECONDS = 60.0  # what was not started by then will not be


def mark_of_this_process() -> str:
    """Names this process for ever: boot, pid namespace, pid, and when it started."""
    return "/".join((*_world(), str(os.getpid()), _started(os.getpid()) or ""))


def _world() -> tuple[str, str]:
    """Where a process number means something."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return boot, str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:  # no Linux
        return socket.gethostname(), ""


def _started(pid: int) -> str | None:
    """When a process started, in ticks; None if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def has_ended(mark: str) -> bool | None:
    """Whether the process with this mark is gone; None for one that cannot be seen from here."""
    boot, _, rest = mark.partition("/")
    namespace, _, rest = rest.partition("/")
    pid, _, started = rest.partition("/")
    if not pid.isdigit():
        return None
    here = _world()
    if boot != here[0]:
        return True  # before the machine started, or another one
    if namespace != here[1]:
        return None
    return _started(int(pid)) != started


def prune(engine: Engine, everything: bool = False) -> list[str]:
    """Removes the containers whose grader is gone, or `everything` of ours; their names. Raises
    SandboxUnavailableError for those that stay."""
    removed: list[str] = []
    stayed: list[str] = []
    for found in engine.containers(LABEL):
        if everything or has_ended(found["Labels"][LABEL]):
            name = _name(found)
            (removed if Container(engine, name).remove() else stayed).append(name)
    remove_stale_folders()
    if stayed:
        raise SandboxUnavailableError(
            f"the container engine at {engine.address} did not remove {', '.join(stayed)}"
        )
    return removed


def remove_stale_folders() -> None:
    """Removes the folders of graders and of builds that were killed."""
    temporary = Path(tempfile.gettempdir())
    for folder in [*temporary.glob(SOCKET_FOLDER + "*"), *temporary.glob(BUILD_FOLDER + "*")]:
        try:
            status = folder.lstat()
        except OSError:
            continue
        settled = _BUILT_SECONDS if folder.name.startswith(BUILD_FOLDER) else _SETTLED_SECONDS
        old = time.time() - status.st_mtime > settled
        mine = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
        if mine and old and not _somebody_listens(folder / "socket"):
            shutil.rmtree(folder, ignore_errors=True)


def _somebody_listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _name(found: Mapping[str, Any]) -> str:
    names = found.get("Names") or [found["Id"][:12]]
    return str(names[0]).lstrip("/")
