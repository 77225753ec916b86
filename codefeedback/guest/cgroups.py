"""Control groups around a guest, where we may make them: the kernel itself counts its processes and
memory. Version 1, version 2, and both at once; usually for root alone.

These are backstops, wider than a program's own limits: they hold for a guest and all in it, whoever
they belong to, and between two looks of a supervisor.
"""

from __future__ import annotations

import os
import time
from typing import Dict, List, Optional, Tuple

_MOUNT = "/sys/fs/cgroup"
_PREFIX = "codefeedback-"
_SETTLED_SECONDS = 10.0  # a group that has no process by then will have none
# Processes of a guest beside the program's; so many that a supervisor, which says more of the
# matter than a failing fork, sees a program that exceeds its limit before the kernel steps in.
_SPARE_PROCESSES = 256
_SPARE_BYTES = 3 << 30  # of a guest: its own, the files of its programs, room for a late look
# (controller, file of version 2, file of version 1)
_FILES = (
    ("pids", "pids.max", "pids.max"),
    ("memory", "memory.max", "memory.limit_in_bytes"),
)


class Group:
    """A control group (one for each hierarchy) for one guest. Raises OSError where none can be
    made; `why_not` tells that beforehand."""

    def __init__(self) -> None:
        name = _PREFIX + os.urandom(8).hex()
        self._limits: Dict[str, str] = {}  # file -> value, by controller's file
        self._files: Dict[str, str] = {}
        self._folders: List[str] = []
        try:
            for _, folder, files in _hierarchies():
                self._make(os.path.join(folder, name), files)
            if not self._files:
                raise OSError("no group can limit processes or memory here")
        except OSError:
            self.remove()
            raise

    def _make(self, folder: str, files: List[Tuple[str, str]]) -> None:
        try:
            os.mkdir(folder)
        except OSError:
            return
        found = {kind: os.path.join(folder, file) for kind, file in files}
        usable = {kind: path for kind, path in found.items() if os.access(path, os.W_OK)}
        if not usable:
            os.rmdir(folder)
            return
        self._folders.append(folder)
        self._files.update(usable)

    def take(self, pid: int) -> None:
        """Puts a process into the group, and all that it will start."""
        for folder in self._folders:
            _write(os.path.join(folder, "cgroup.procs"), str(pid))

    def allow(self, processes: int, memory_bytes: int) -> None:
        """Sets the backstops for programs with these limits."""
        wanted = backstops(processes, memory_bytes)
        for kind, path in self._files.items():
            value = str(wanted[kind])
            if self._limits.get(path) != value:
                _write(path, value)
                self._limits[path] = value

    def remove(self) -> None:
        """Removes the group; its processes must have ended."""
        for folder in self._folders:
            for _ in range(100):
                try:
                    os.rmdir(folder)
                    break
                except FileNotFoundError:
                    break
                except OSError:  # the last process is still on its way out
                    time.sleep(0.01)
        self._folders = []


def backstops(processes: int, memory_bytes: int) -> Dict[str, int]:
    """What the group of a guest may hold whose programs have these limits."""
    return {"pids": processes + _SPARE_PROCESSES, "memory": 2 * memory_bytes + _SPARE_BYTES}


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _hierarchies() -> List[Tuple[str, str, List[Tuple[str, str]]]]:
    """Of each hierarchy that can limit us: the group that this process is in, where groups for its
    children belong, and which of their files set limits."""
    found = []
    with open("/proc/self/cgroup") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            own = os.path.normpath(_MOUNT + "/" + controllers + path)
            if controllers:
                kinds, parent = controllers.split(","), own
                files = [(kind, legacy) for kind, _, legacy in _FILES if kind in kinds]
            else:
                parent = _nearest_parent(own)
                files = [(kind, unified) for kind, unified, _ in _FILES]
            if files and os.path.isdir(parent):
                found.append((own, parent, files))
    return found


def _nearest_parent(folder: str) -> str:
    """Where, from a group of version 2 upwards, groups can be limited; empty for nowhere. Not in
    one that has processes itself, like those in which systemd starts us."""
    while folder.startswith(_MOUNT):
        try:
            with open(os.path.join(folder, "cgroup.subtree_control")) as file:
                controllers = file.read().split()
        except OSError:
            break
        if any(kind in controllers for kind, _, _ in _FILES):
            return folder
        folder = os.path.dirname(folder)
    return ""


def remove_stale() -> None:
    """Removes the groups of graders that were killed: those without a process."""
    try:
        hierarchies = _hierarchies()
    except OSError:
        return
    for _, folder, _ in hierarchies:
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            try:
                if name.startswith(_PREFIX) and _age(path) > _SETTLED_SECONDS:
                    os.rmdir(path)
            except OSError:
                pass  # in use, or removed by another grader


def _age(path: str) -> float:
    return time.time() - os.stat(path).st_mtime


def why_not() -> Optional[str]:
    """None if groups can be made here and work; tried with this process, a forked child."""
    try:
        group = Group()
    except OSError as error:
        return str(error)
    before = [own for own, _, _ in _hierarchies()]
    try:
        group.take(os.getpid())
        group.allow(1, 1 << 20)
        _leave(before)
        return None
    except OSError as error:
        return str(error)
    finally:
        group.remove()


def _leave(folders: List[str]) -> None:
    for folder in folders:
        _write(os.path.join(folder, "cgroup.procs"), str(os.getpid()))
