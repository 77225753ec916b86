"""What a zygote and its supervisors keep for the programs that they run one after the other:
descriptors, folders, and the confinement of the program's processes."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import tempfile
from typing import Any, Callable, Dict, List, Tuple

from . import kernel

_LOWEST = 16  # our own descriptors lie above those that a program's process gets
_PART = 1 << 24


class Station:
    """See above. `control` leads to the grader."""

    def __init__(self, control: int, folders: List[str]) -> None:
        self.control = _high(control)
        self.stdin, self.stdout, self.stderr = (_high(_scratch_file()) for _ in range(3))
        self.report, self.test_report = (_high(_scratch_file()) for _ in range(2))
        self.wakeups = _wake_on_child()
        #: a byte says that a child has read from `control` what was meant for it
        self.taken, self.take = _pipe()
        #: the folders that programs can write to; the first is where they run
        self.folders = folders
        self.meter = kernel.Meter()
        #: what a program's process calls last, before any code of the program's
        self.confine: Callable[[], None] = lambda: None
        #: whether other processes of this user cannot look into a program's process
        self.dumpable = False
        #: whether a process may end without a shut-down of the interpreter that nobody sees
        self.quick = False
        #: what preloaded modules want to do when a program forks
        self.fork_hooks: List[Dict[str, Any]] = []

    def split_off(self) -> None:
        """In a forked supervisor: what tells of the process that opened it is opened anew."""
        self.meter = kernel.Meter()
        self.wakeups = _wake_on_child()

    def prepare(self) -> None:
        """Empty files for the next program's process."""
        for fd in (self.stdin, self.stdout, self.stderr, self.report, self.test_report):
            # Flags are shared with processes that are gone: an O_APPEND of theirs must go, too.
            fcntl.fcntl(fd, fcntl.F_SETFL, 0)
            os.ftruncate(fd, 0)
            os.lseek(fd, 0, os.SEEK_SET)

    def give_input(self, data: bytes) -> None:
        """What the next program's process reads as its standard input."""
        write_all(self.stdin, data)
        os.lseek(self.stdin, 0, os.SEEK_SET)

    def outputs(self, limits: Dict[str, Any], max_report: int) -> List[bytes]:
        """stdout, stderr and both reports, with one byte more than may be if there is more."""
        most = int(limits["output_bytes"]) + 1
        return [
            _content(self.stdout, most),
            _content(self.stderr, most),
            _content(self.report, max_report + 1),
            _content(self.test_report, max_report + 1),
        ]

    def take_word(self) -> bool:
        """Whether a child said that it read what was meant for it; forgets it."""
        try:
            return bool(os.read(self.taken, 64))
        except BlockingIOError:
            return False

    def forget_wakeups(self) -> None:
        try:
            os.read(self.wakeups[0], 512)
        except BlockingIOError:
            pass

    def uses_more(self, most_bytes: int, most_files: int) -> bool:
        """Whether a program filled its folders with more than that."""
        files = size = 0
        waiting = list(self.folders)
        while waiting and files <= most_files and size <= most_bytes:
            try:
                with os.scandir(waiting.pop()) as entries:
                    for entry in entries:
                        files += 1
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
                        else:
                            size += entry.stat(follow_symlinks=False).st_blocks * 512
            except OSError:
                pass  # removed meanwhile, or closed to us: its size was looked at before
        return files > most_files or size > most_bytes

    def clean(self) -> None:
        """Removes what a program left in its folders. Raises OSError if something stays."""
        for folder in self.folders:
            try:
                with os.scandir(folder) as entries:
                    found = list(entries)
            except PermissionError:
                os.chmod(folder, stat.S_IRWXU)
                with os.scandir(folder) as entries:
                    found = list(entries)
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    _remove_tree(folder)
                    break
                os.unlink(entry.path)
        os.chdir(self.folders[0])


def _remove_tree(folder: str) -> None:
    """Empties a folder whatever is in it: no permissions, or deeper than a path can be long."""
    while True:
        with os.scandir(folder) as entries:
            found = list(entries)
        if not found:
            return
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                _lift_content(entry.path, folder)
                os.rmdir(entry.path)
            else:
                os.unlink(entry.path)


def _lift_content(inner: str, folder: str) -> None:
    """Moves the folders inside of `inner` up into `folder`, and removes its files."""
    os.chmod(inner, stat.S_IRWXU)
    with os.scandir(inner) as entries:
        for number, entry in enumerate(list(entries)):
            if entry.is_dir(follow_symlinks=False):
                os.chmod(entry.path, stat.S_IRWXU)
                os.rename(entry.path, os.path.join(folder, _free_name(folder, number)))
            else:
                os.unlink(entry.path)


def _free_name(folder: str, number: int) -> str:
    while os.path.lexists(os.path.join(folder, ".%d" % number)):
        number += 1000003
    return ".%d" % number


def write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _content(fd: int, most: int) -> bytes:
    """The start of a file, whatever its offset."""
    parts: List[bytes] = []
    offset = 0
    while offset < most:
        part = os.pread(fd, min(_PART if parts else 1 << 16, most - offset), offset)
        if not part:
            break
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


def _scratch_file() -> int:
    """An empty file without a name."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("codefeedback")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _wake_on_child() -> Tuple[int, int]:
    """A pipe of which the first end becomes readable when a child changes its state."""
    reader, writer = _pipe()
    signal.signal(signal.SIGCHLD, _nothing)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    return reader, writer


def _nothing(*_: Any) -> None:
    """A handler: a signal that is ignored writes nothing to the pipe."""


def blocking_pipe() -> Tuple[int, int]:
    """(read end, write end), above the descriptors that a program's process gets."""
    reader, writer = os.pipe()
    return _high(reader), _high(writer)


def _pipe() -> Tuple[int, int]:
    reader, writer = blocking_pipe()
    for fd in (reader, writer):
        os.set_blocking(fd, False)
    return reader, writer


def _high(fd: int) -> int:
    high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _LOWEST)
    os.close(fd)
    return high
