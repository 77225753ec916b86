"""What the kernel does for us: limits, process control, clocks. Linux where it is Linux.

Everything that a kernel may lack is best effort here and says nothing: this is the fallback tier,
and docs/sandbox.md tells what it does not promise.
"""

from __future__ import annotations

import ctypes
import math
import os
import resource
import sys
import time
from typing import Any, Dict, List, Tuple

_LINUX = sys.platform == "linux"
_PAGE = os.sysconf("SC_PAGE_SIZE")

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 36, 38
_CAPABILITY_VERSION_3 = 0x20080522
_SIGKILL = 9

# Address space beside the memory limit, for thread stacks and arenas that are reserved, not used.
_RESERVE_BYTES = 256 << 20
# Enough for `threading.stack_size(1 << 29)`, which deep recursion is often run with.
_LEAST_SPACE_BYTES = 832 << 20
# The deepest stack that the gap below the mappings is sure to hold, for recursion in C.
_STACK_BYTES = 64 << 20
_OPEN_FILES = 256


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def guard_supervisor() -> None:
    """Adopt orphaned descendants, so that none escapes the kill; keep our memory to ourselves."""
    if _LINUX:
        libc = _libc()
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def drop_privileges(dumpable: bool) -> None:
    """In a child: no new privileges, no capabilities (root's too), death with the parent.

    Without CAP_SYS_PTRACE even root cannot read the memory of the supervisor or of the grader.
    """
    if not _LINUX:
        return
    libc = _libc()
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, int(dumpable), 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if hasattr(libc, "capset"):
        libc.capset(header, nothing)


def memory_in_use() -> Tuple[int, int]:
    """(address space, resident) of this process in bytes; zeros where the kernel does not tell."""
    try:
        with open("/proc/self/statm") as file:
            size, resident = file.read().split()[:2]
    except OSError:
        return 0, 0
    return int(size) * _PAGE, int(resident) * _PAGE


def limit_self(limits: Dict[str, Any]) -> None:
    """Lowers this process's limits to `limits` (see `codefeedback.Limits`)."""
    cpu = math.ceil(limits["cpu_seconds"])
    # The supervisor's clock is exact; these two are only there should the supervisor be gone.
    _lower(resource.RLIMIT_CPU, cpu + 2)
    _lower(resource.RLIMIT_CORE, 0)
    # One byte more than allowed tells a program that stops at the limit from one that exceeds it.
    _lower(resource.RLIMIT_FSIZE, limits["output_bytes"] + 1)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _raise_soft(resource.RLIMIT_STACK, _STACK_BYTES)
    size, _ = memory_in_use()
    if size:
        space = max(limits["memory_bytes"] + _RESERVE_BYTES, _LEAST_SPACE_BYTES)
        _lower(resource.RLIMIT_AS, size + space)
    if hasattr(resource, "RLIMIT_NPROC") and os.getuid() != 0:
        # Counted per user, all programs together: leave room for what is running already.
        _lower(resource.RLIMIT_NPROC, _tasks_of_machine() + limits["processes"])


def _lower(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def _raise_soft(kind: int, value: int) -> None:
    soft, hard = resource.getrlimit(kind)
    if soft == resource.RLIM_INFINITY or soft > value or hard == resource.RLIM_INFINITY:
        resource.setrlimit(kind, (value, hard))
    else:
        resource.setrlimit(kind, (min(value, hard), hard))


def _tasks_of_machine() -> int:
    try:
        with open("/proc/loadavg") as file:
            return int(file.read().split()[3].split("/")[1])
    except (OSError, ValueError, IndexError):
        return 4096


def cpu_seconds(pid: int) -> float:
    """Processor time of a process, all its threads; 0.0 where the kernel does not tell."""
    try:
        return time.clock_gettime(((~pid) << 3) | 2)
    except OSError:
        return 0.0


def task_count(pid: int) -> int:
    """Threads of a process."""
    return len(_list("/proc/%d/task" % pid))


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in use now."""
    try:
        with open("/proc/%d/statm" % pid) as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0


def delay_seconds(pid: int) -> float:
    """How long the threads of a process were ready to run and no processor was free."""
    total = 0
    for task in _list("/proc/%d/task" % pid):
        try:
            with open("/proc/%d/task/%s/schedstat" % (pid, task)) as file:
                total += int(file.read().split()[1])
        except (OSError, ValueError, IndexError):
            pass
    return total / 1e9


def descendants(pid: int) -> List[int]:
    """The living processes below `pid`, nearest first."""
    found = []
    for task in _list("/proc/%d/task" % pid):
        try:
            with open("/proc/%d/task/%s/children" % (pid, task)) as file:
                found += [int(child) for child in file.read().split()]
        except (OSError, ValueError):
            pass
    return found + [deeper for child in found for deeper in descendants(child)]


def _list(path: str) -> List[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []
