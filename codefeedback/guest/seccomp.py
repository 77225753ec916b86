"""System calls that a program may not make: seccomp filters, built as bytes on any machine.

The broad filter is put on once, by the process that forks everything; the program's filter goes on
top of it, in every program's own process. Both are inherited and nothing takes them off.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple

from .syscalls import ALLOWED, FORBIDDEN, NUMBERS

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2

# Classic BPF: load a word of `struct seccomp_data`, jump by what it is, return.
_LOAD, _RETURN = 0x20, 0x06
_EQUAL, _AT_LEAST, _ANY_BIT = 0x15, 0x35, 0x45
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16

#: Stands for the process's own id until the filter is put on. No process has this id.
_OWN_PID = 0x50494400

_AF_UNIX = 1
# SOCK_STREAM and SOCK_SEQPACKET are odd and have neither bit; a datagram could be sent anywhere.
_SOCK_STREAM, _SOCK_OTHERS = 1, 2 | 8
# CLONE_NEWNS to CLONE_NEWNET; and CLONE_PARENT, for a child must be below the one that made it.
_CLONE_FORBIDDEN = 0x7E020000 | 0x8000
# F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY, F_ADD_SEALS.
_FCNTL_FORBIDDEN = (8, 10, 15, 1024, 1026, 1033)
# TIOCSTI, TIOCLINUX, TIOCSETD (loads line disciplines), and F_SETOWN again: FIOSETOWN, SIOCSPGRP.
# And what sets the flags of an inode, which would outlast a program: FS_IOC_SETFLAGS,
# FS_IOC32_SETFLAGS, FS_IOC_FSSETXATTR.
_IOCTL_FORBIDDEN = (0x5412, 0x541C, 0x5423, 0x8901, 0x8902, 0x40086602, 0x40046602, 0x401C5820)
# Rights, owners and times of files, which Landlock leaves alone.
_OF_ATTRIBUTES = (
    "chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat"
).split()
_PERSONALITY_QUERY = 0xFFFFFFFF
_SECCOMP_SET_MODE_FILTER, _SECCOMP_NEW_LISTENER = 1, 8
_PRIO_PROCESS, _IOPRIO_WHO_PROCESS = 0, 1
# Those that only ask, PR_SET_NAME, PR_SET_TIMERSLACK, PR_SET_NO_NEW_PRIVS and PR_SET_VMA. The
# others would undo protection (PR_SET_DUMPABLE, PR_SET_PTRACER, PR_SET_CHILD_SUBREAPER, ...), hold
# up the machine (PR_SCHED_CORE), or are not invented yet.
_PRCTL_ALLOWED = (2, 3, 15, 16, 21, 23, 29, 30, 38, 39, 0x53564D41)
_EVERY_PROCESS = 0xFFFFFFFF  # kill(-1)


class _Step(NamedTuple):
    """One instruction, and the steps that may follow it."""

    code: int
    k: int
    then: Optional[_Step] = None
    otherwise: Optional[_Step] = None


_ALLOW = _Step(_RETURN, 0x7FFF0000)
_KILL = _Step(_RETURN, 0x80000000)
_DENY = _Step(_RETURN, 0x00050000 | 1)  # EPERM
_PRETEND = _Step(_RETURN, 0x00050000)  # does nothing, and says that it did
_UNKNOWN = _Step(_RETURN, 0x00050000 | 38)  # ENOSYS


def supported() -> Optional[str]:
    """The machine to build filters for, or None where there are none."""
    if sys.platform != "linux" or sys.maxsize < 1 << 32:  # 32-bit code has other numbers
        return None
    machine = os.uname().machine
    return machine if machine in NUMBERS else None


def broad_filter(machine: str) -> bytes:
    """What no process here may do. A call that is on no list fails as on an older kernel."""
    numbers = NUMBERS[machine]
    steps = {numbers[name]: _ALLOW for name in ALLOWED if name in numbers}
    steps.update((numbers[name], _DENY) for name in FORBIDDEN if name in numbers)
    listener = _argument(1, _Step(_ANY_BIT, _SECCOMP_NEW_LISTENER, _DENY, _ALLOW))
    odd = _Step(_ANY_BIT, _SOCK_STREAM, _ALLOW, _DENY)
    kind = _argument(1, _Step(_ANY_BIT, _SOCK_OTHERS, _DENY, odd))
    looked_at = {
        "clone": _argument(0, _Step(_ANY_BIT, _CLONE_FORBIDDEN, _DENY, _ALLOW)),
        "fcntl": _argument(1, _one_of(_FCNTL_FORBIDDEN, _DENY, _ALLOW)),
        "ioctl": _argument(1, _one_of(_IOCTL_FORBIDDEN, _DENY, _ALLOW)),
        "personality": _argument(0, _one_of([_PERSONALITY_QUERY], _ALLOW, _DENY)),
        "seccomp": _argument(0, _one_of([_SECCOMP_SET_MODE_FILTER], listener, _ALLOW)),
        "socketpair": _argument(0, _one_of([_AF_UNIX], kind, _DENY)),
    }
    steps.update((numbers[name], step) for name, step in looked_at.items())
    by_number = _Step(_LOAD, _NUMBER, _by_number(steps, _UNKNOWN))
    here = _Step(_EQUAL, _ARCHITECTURES[machine], by_number, _KILL)
    return _assemble(_Step(_LOAD, _ARCHITECTURE, here))


def program_filter(machine: str, *, foreign_signals: bool, foreign_files: bool = True) -> bytes:
    """What a program may not do besides: reach the supervisor, its siblings, or its own bars.

    Only on top of the broad filter, which settles the architecture. `foreign_signals` says that
    something else keeps signals in; if not, a process can signal itself and its group only, and
    the processes that it forks only their group. `foreign_files` says that something else keeps the
    attributes of the machine's files from changing; if not, changes of attributes are ignored.
    """
    me = _argument(0, _one_of([0], _ALLOW, _DENY))
    who_me = _argument(1, _one_of([0], _ALLOW, _DENY))
    checks = {
        "landlock_create_ruleset": _DENY,
        "landlock_add_rule": _DENY,
        "landlock_restrict_self": _DENY,
        "seccomp": _DENY,
        "pidfd_open": _DENY,
        "memfd_create": _DENY,
        "pidfd_send_signal": _DENY,
        "prctl": _argument(0, _one_of(_PRCTL_ALLOWED, _ALLOW, _DENY)),
        "prlimit64": me,
        "sched_setaffinity": me,
        "sched_setattr": me,
        "sched_setparam": me,
        "sched_setscheduler": me,
        "setpriority": _argument(0, _one_of([_PRIO_PROCESS], who_me, _DENY)),
        "ioprio_set": _argument(0, _one_of([_IOPRIO_WHO_PROCESS], who_me, _DENY)),
    }
    if foreign_signals:
        checks["kill"] = _argument(0, _one_of([_EVERY_PROCESS], _DENY, _ALLOW))
    else:
        checks["kill"] = _argument(0, _one_of([0, _OWN_PID], _ALLOW, _DENY))
        checks["tgkill"] = _argument(0, _one_of([_OWN_PID], _ALLOW, _DENY))
        checks["tkill"] = _DENY
    if not foreign_files:
        checks.update((name, _PRETEND) for name in _OF_ATTRIBUTES)
    numbers = NUMBERS[machine]
    steps = {numbers[name]: step for name, step in checks.items() if name in numbers}
    return _assemble(_Step(_LOAD, _NUMBER, _by_number(steps, _ALLOW)))


def prepare(code: bytes) -> Callable[[], None]:
    """A call that puts a filter on the calling thread, for a forked child that must not dawdle.

    The child fills in its own id. It must have no_new_privs; OSError where the kernel refuses.
    """
    sock_fprog = struct.Struct("@HP")
    buffer = ctypes.create_string_buffer(len(code) + sock_fprog.size)
    start = ctypes.addressof(buffer)
    buffer.raw = code + sock_fprog.pack(len(code) // 8, start)
    # A view keeps the buffer alive, and brings fewer pages into the child than `struct` would.
    words = memoryview(buffer).cast("B").cast("I")
    own = [at for at in range(1, len(code) // 4, 2) if words[at] == _OWN_PID]
    getpid, prctl = os.getpid, ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = (ctypes.c_int,) + (ctypes.c_ulong,) * 4

    def install() -> None:
        for at in own:
            words[at] = getpid()
        if prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, start + len(code), 0, 0):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return install


def install(code: bytes) -> None:
    """Puts a filter on the calling thread, and so on all that it starts from now on."""
    prepare(code)()


def _argument(index: int, step: _Step) -> _Step:
    """Looks at the low half of an argument: all that the kernel reads of an int."""
    return _Step(_LOAD, _ARGUMENTS + 8 * index, step)


def _one_of(values: Iterable[int], then: _Step, otherwise: _Step) -> _Step:
    for value in values:
        otherwise = _Step(_EQUAL, value, then, otherwise)
    return otherwise


def _by_number(steps: Dict[int, _Step], otherwise: _Step) -> _Step:
    """Finds the step for the number that was loaded."""
    ranges = [(0, steps.get(0, otherwise))]
    for number in range(1, max(steps) + 2):
        step = steps.get(number, otherwise)
        if step != ranges[-1][1]:
            ranges.append((number, step))
    return _search(ranges, 1 << 32)


def _search(ranges: List[Tuple[int, _Step]], end: int) -> _Step:
    """Bisects ranges of numbers, given as their first number and step, in order.

    A few lone numbers in a wider range are compared one by one, which takes fewer instructions.
    """
    ends = [first for first, _ in ranges[1:]] + [end]
    wide = {step for at, (first, step) in enumerate(ranges) if ends[at] - first > 1}
    around = wide.pop() if wide else ranges[-1][1]
    lone = [(first, step) for first, step in ranges if step != around]
    if not wide and len(lone) <= 4:
        found = around
        for number, step in lone:
            found = _Step(_EQUAL, number, step, found)
        return found
    middle = len(ranges) // 2
    first = ranges[middle][0]
    return _Step(_AT_LEAST, first, _search(ranges[middle:], end), _search(ranges[:middle], first))


def _assemble(first: _Step) -> bytes:
    """Lays steps out from the last to the first: jumps go forward only. Equal steps share a place.

    What follows a load must be right beside it, and so gets a place of its own.
    """
    backwards: List[bytes] = []
    places: Dict[_Step, int] = {}

    def distance(step: Optional[_Step]) -> int:
        assert step is not None
        if step not in places:
            place(step)
            places[step] = len(backwards) - 1
        return places[step]

    def place(step: _Step) -> None:
        then = otherwise = len(backwards) - 1
        if step.code == _LOAD:
            assert step.then is not None
            place(step.then)
            then = otherwise = len(backwards) - 1
        elif step.code != _RETURN:
            then, otherwise = distance(step.then), distance(step.otherwise)
        here = len(backwards)
        # A jump over more than 255 instructions does not fit, and `pack` says so.
        backwards.append(
            struct.pack("=HBBI", step.code, here - then - 1, here - otherwise - 1, step.k)
        )

    place(first)
    return b"".join(reversed(backwards))
