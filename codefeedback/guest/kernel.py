"""What the kernel does for us: limits, process control, clocks. Linux where it is Linux.

Everything that a kernel may lack is best effort here and says nothing: this is the fallback tier,
and docs/sandbox.md tells what it does not promise.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import resource
import sys
import time
from typing import Any, Dict, Iterator, List, NoReturn, Optional, Tuple

_LINUX = sys.platform == "linux"
_PAGE = os.sysconf("SC_PAGE_SIZE")

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 36, 38
_CAPABILITY_VERSION_3 = 0x20080522
_SIGKILL = 9

_library: Any = None

# Address space beside the memory limit, for thread stacks and arenas that are reserved, not used.
_RESERVE_BYTES = 256 << 20
# Enough for `threading.stack_size(1 << 29)`, which deep recursion is often run with.
_LEAST_SPACE_BYTES = 832 << 20
# The deepest stack that the gap below the mappings is sure to hold, for recursion in C.
_STACK_BYTES = 64 << 20
_OPEN_FILES = 256
_FEW_TASKS, _MANY_TASKS = 8, 4096


def libc() -> Any:
    """The C library; looked up once, so that a forked child finds it warm."""
    global _library
    if _library is None:
        _library = ctypes.CDLL(None, use_errno=True)
    return _library


def guard_supervisor() -> None:
    """Adopt orphaned descendants, so that none escapes the kill; keep our memory to ourselves."""
    if _LINUX:
        libc().prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        libc().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def drop_privileges() -> None:
    """No new privileges and no capabilities (root's too), here and in all children.

    Without CAP_SYS_PTRACE even root cannot read the memory of the supervisor or of the grader.
    """
    if not _LINUX:
        return
    libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if hasattr(libc(), "capset"):
        libc().capset(header, nothing)


def tie_to_parent(dumpable: bool) -> None:
    """In a child: death with the parent; `dumpable` lets others of this user look into it."""
    if _LINUX:
        libc().prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
        libc().prctl(_PR_SET_DUMPABLE, int(dumpable), 0, 0, 0)


def end_as(status: int) -> NoReturn:
    """Ends as a process did that was waited for."""
    if os.WIFSIGNALED(status):
        os.kill(os.getpid(), os.WTERMSIG(status))
        os._exit(128 + os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status))


class Meter:
    """Reads files of /proc that are asked for again and again, through kept descriptors.

    They go on telling of the process that opened them: a forked child needs a meter of its own.
    """

    def __init__(self) -> None:
        self._fds: Dict[str, int] = {}

    def read(self, path: str) -> List[bytes]:
        """The words of a file; none where the kernel does not tell."""
        try:
            if path not in self._fds:
                self._fds[path] = os.open(path, os.O_RDONLY)
            return os.pread(self._fds[path], 512, 0).split()
        except OSError:
            return []


def memory_in_use(meter: Meter) -> Tuple[int, int]:
    """(address space, resident) of this process in bytes; zeros where the kernel does not tell."""
    words = meter.read("/proc/self/statm")
    return (int(words[0]) * _PAGE, int(words[1]) * _PAGE) if words else (0, 0)


def limit_for_good() -> None:
    """The limits that are the same for every program, and that a supervisor can live with."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _raise_soft(resource.RLIMIT_STACK, _STACK_BYTES)


def limits_for(
    limits: Dict[str, Any], size: int, tasks: Optional[int]
) -> List[Tuple[int, Tuple[int, int]]]:
    """What to call ``resource.setrlimit`` with in a child (see `codefeedback.Limits`).

    `size` is its address space now, 0 if that is unknown; `tasks` how many processes and threads
    of this user run already, where the kernel can limit their number.
    """
    cpu = math.ceil(limits["cpu_seconds"])
    # The supervisor's clock is exact; this is only there should the supervisor be gone.
    wanted = {resource.RLIMIT_CPU: cpu + 2}
    # One byte more than allowed tells a program that stops at the limit from one that exceeds it.
    wanted[resource.RLIMIT_FSIZE] = limits["output_bytes"] + 1
    if size:
        wanted[resource.RLIMIT_AS] = size + space_for(limits)
    if tasks is not None:
        wanted[resource.RLIMIT_NPROC] = tasks + limits["processes"]
    return [(kind, (value, value)) for kind, value in _possible(wanted)]


def _possible(wanted: Dict[int, int]) -> Iterator[Tuple[int, int]]:
    for kind, value in wanted.items():
        _, hard = resource.getrlimit(kind)
        yield kind, value if hard == resource.RLIM_INFINITY else min(value, hard)


def shortage(limits: Dict[str, Any]) -> str:
    """Which of a program's limits are more than this process may have by its own hard limits, for
    which the program would be ended. Empty if none."""
    for kind, needed, what in (
        (resource.RLIMIT_CPU, math.ceil(limits["cpu_seconds"]) + 1, "processor time (ulimit -t)"),
        (resource.RLIMIT_FSIZE, limits["output_bytes"] + 1, "the size of files (ulimit -f)"),
        (resource.RLIMIT_AS, space_for(limits), "address space (ulimit -v)"),
        (resource.RLIMIT_DATA, limits["memory_bytes"], "memory (ulimit -d)"),
    ):
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY and hard < needed:
            return (
                "our own limit on %s is %d and the program's need %d: raise it, or lower the "
                "program's limits" % (what, hard, needed)
            )
    return ""


def scarcity() -> str:
    """Which of the limits that all programs have are lower here; a program may fail for that."""
    for kind, wanted, what in (
        (resource.RLIMIT_NOFILE, _OPEN_FILES, "open files (ulimit -n)"),
        (resource.RLIMIT_STACK, _STACK_BYTES, "the stack (ulimit -s)"),
    ):
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY and hard < wanted:
            return "our own limit on %s is %d; programs elsewhere have %d" % (what, hard, wanted)
    return ""


def space_for(limits: Dict[str, Any]) -> int:
    """Address space that a program with this memory limit may add."""
    return int(max(limits["memory_bytes"] + _RESERVE_BYTES, _LEAST_SPACE_BYTES))


@contextlib.contextmanager
def space_limited(size: int, limits: Dict[str, Any]) -> Iterator[None]:
    """Limits this process's address space, as a program's, for a while."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    if size:
        most = size + space_for(limits)
        soft = most if before[1] == resource.RLIM_INFINITY else min(most, before[1])
        resource.setrlimit(resource.RLIMIT_AS, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _lower(kind: int, value: int) -> None:
    for _, possible in _possible({kind: value}):
        resource.setrlimit(kind, (possible, possible))


def _raise_soft(kind: int, value: int) -> None:
    soft, hard = resource.getrlimit(kind)
    if soft == resource.RLIM_INFINITY or soft > value or hard == resource.RLIM_INFINITY:
        resource.setrlimit(kind, (value, hard))
    else:
        resource.setrlimit(kind, (min(value, hard), hard))


def tasks_of_user(meter: Meter) -> Optional[int]:
    """At least as many as run already, of this user's processes and threads. None where the
    kernel does not limit their number: for root."""
    if not hasattr(resource, "RLIMIT_NPROC") or os.getuid() == 0:
        return None
    # Counted per user, all programs together: leave room for what is running already.
    words = meter.read("/proc/loadavg")
    if len(words) > 3:
        return int(words[3].split(b"/")[1])
    return _FEW_TASKS if _counts_per_namespace() else _MANY_TASKS


def _counts_per_namespace() -> bool:
    """Whether a user namespace, where there is no /proc/loadavg, counts its processes apart."""
    numbers = os.uname().release.split(".")[:2]
    return all(number.isdigit() for number in numbers) and [*map(int, numbers)] >= [5, 14]


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


def peak_bytes(pid: int) -> int:
    """The most memory that a process had in use so far."""
    try:
        with open("/proc/%d/status" % pid) as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return 0


def had_children(pid: int) -> bool:
    """Whether a process has, or has waited for, processes of its own."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            words = file.read().rpartition(")")[2].split()
        waited_for = int(words[8]) > 0  # cminflt: their page faults
    except (OSError, ValueError, IndexError):
        waited_for = False
    return waited_for or bool(descendants(pid))


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
