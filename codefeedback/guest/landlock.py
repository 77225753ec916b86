"""Landlock: what this process and its children may open, connect to and signal.

Numbers and structures are those of Linux's ``include/uapi/linux/landlock.h``; they are the same on
all architectures.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from typing import Callable, Iterable, List

from . import kernel

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
# Removing, making files, folders, links and FIFOs, renaming; no devices and no sockets.
_CHANGE = sum(1 << bit for bit in (4, 5, 7, 8, 10, 12, 13)) | _WRITE_FILE | _TRUNCATE
# The highest right of files that each version of the interface knows, as a number of bits.
_FILE_BITS = {1: 13, 2: 14, 3: 15, 4: 15}
_ALL_FILE_BITS = 16
_ALL_NET, _ALL_SCOPES = 0b11, 0b11
_NET_SINCE, _SCOPES_SINCE = 4, 6


def version() -> int:
    """The version of Landlock's interface here; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(kernel.libc().syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)))


def confines_signals() -> bool:
    """Whether processes under `restriction` with scopes reach only their own kind by signals."""
    return version() >= _SCOPES_SINCE


def restriction(
    readable: Iterable[str], changeable: Iterable[str], writable: Iterable[str], scoped: bool
) -> Callable[[], None]:
    """A function that takes all rights on files away but those named, and TCP altogether.

    `readable` may be read and executed, `changeable` folders also filled and emptied, `writable`
    (devices) written. Missing paths are left out. With `scoped`, signals and abstract sockets reach
    only processes under the same restriction. The function costs one system call, so that it can
    be called in every child; it raises OSError, as this one does.
    """
    known = version()
    files = (1 << _FILE_BITS.get(known, _ALL_FILE_BITS)) - 1
    attributes = struct.pack(
        "=QQQ",
        files,
        _ALL_NET if known >= _NET_SINCE else 0,
        _ALL_SCOPES if scoped and known >= _SCOPES_SINCE else 0,
    )
    size = 24 if known >= _SCOPES_SINCE else 16 if known >= _NET_SINCE else 8
    ruleset = _call(_CREATE_RULESET, attributes, size, 0)
    os.set_inheritable(ruleset, False)
    for paths, rights in (
        (readable, _READ),
        (changeable, _READ | _CHANGE),
        (writable, _READ_FILE | _WRITE_FILE),
    ):
        for path in paths:
            _allow(ruleset, path, rights & files)

    syscall = kernel.libc().syscall

    def restrict() -> None:
        if syscall(_RESTRICT_SELF, ruleset, 0):
            raise OSError(ctypes.get_errno(), "landlock_restrict_self")

    return restrict


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= _OF_FILES
        _call(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, struct.pack("=Qi", rights, fd), 0)
    finally:
        os.close(fd)


def _call(number: int, *arguments: object) -> int:
    result: int = kernel.libc().syscall(number, *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, "Landlock: " + os.strerror(error))
    return result


def runtime_files(more: Iterable[str] = ()) -> List[str]:
    """What an interpreter and ordinary programs need to read: libraries, not the machine's data."""
    version_folder = "python%d.%d" % sys.version_info[:2]
    prefixes = {sys.base_prefix, sys.base_exec_prefix, os.path.realpath(sys.base_prefix)}
    # A virtual environment's interpreter is a link, and looks for the file beside it.
    configuration = os.path.join(os.path.dirname(os.path.dirname(sys.executable)), "pyvenv.cfg")
    own = [
        configuration,
        os.path.dirname(os.__file__),
        sys.executable,
        os.path.realpath(sys.executable),
    ]
    for prefix in prefixes:
        own += [os.path.join(prefix, "lib", version_folder), os.path.join(prefix, "bin")]
        own += _libraries(os.path.join(prefix, "lib"))
    system = "/usr/lib /usr/lib32 /usr/lib64 /lib /lib32 /lib64 /usr/bin /bin /usr/share/zoneinfo"
    single = "/etc/ld.so.cache /etc/localtime /etc/timezone /etc/alternatives"
    return list(dict.fromkeys([*own, *system.split(), *single.split(), *more]))


def _libraries(folder: str) -> List[str]:
    """The shared libraries of an interpreter that was installed apart from the system's."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names if ".so" in name]


#: Devices that programs may use.
DEVICES = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"]
