"""What a zygote and its supervisors keep for the programs that they run one after the other:
descriptors, folders, and the confinement of the program's processes."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import stat
from typing import Any, Callable, Dict, List, Tuple

from . import kernel, report

_LOWEST = 16  # our own descriptors lie above those that a program's process gets
_PART = 1 << 24


class Station:
    """See above. `control` leads to the grader."""

    def __init__(self, control: int, folders: List[str]) -> None:
        self.control = control
        _fill_up()
        self._files: List[int] = []
        self._watch_for_children()
        #: where children say how far they came (`report.TAKEN`, `report.COMPILED`)
        self.words, self.word = _pipe()
        self._heard = b""
        #: the folders that programs may write to; the first is where they run
        self.folders = folders
        #: those that they can write to besides, and that are emptied as well
        self.swept: List[str] = []
        #: whether somebody else limits the number of processes
        self.counted = False
        #: whether an engine may stop us for a while, and the programs with us
        self.contained = False
        #: whether processors are shared out by process among us and the programs alone
        self.cpu_group = False
        self.meter = kernel.Meter()
        #: what a program's process calls last, before any code of the program's
        self.confine: Callable[[], None] = lambda: None
        #: whether our death ends all that we started, and nobody else sees it
        self.world_apart = False
        #: whether other processes of this user cannot look into a program's process
        self.dumpable = False
        #: whether a process may end without a shut-down of the interpreter that nobody sees
        self.quick = False
        #: what preloaded modules want to do when a program forks
        self.fork_hooks: List[Dict[str, Any]] = []
        self.prepare()

    def split_off(self) -> int:
        """In a forked supervisor: what tells of the process that opened it is opened anew, and
        children speak to it alone. Where it can itself say a word to its parent."""
        self.meter = kernel.Meter()
        to_parent = self.word
        self.words, self.word = _pipe()
        self._watch_for_children()
        return to_parent

    def _watch_for_children(self) -> None:
        """`poll` tells when a child changes its state, or the grader hangs up."""
        self.wakeups = _wake_on_child()
        # Made once: after each fork all that is written to costs a fault, of a page and of time.
        self.poll = select.poll()
        self.poll.register(self.wakeups[0], select.POLLIN)
        self.poll.register(self.control, 0)

    def prepare(self) -> None:
        """New files for the next program's process: one that is used again keeps its rights, its
        flags and its locks."""
        for fd in self._files:
            os.close(fd)
        self._files = [_scratch_file() for _ in range(5)]
        self.stdin, self.stdout, self.stderr, self.report, self.test_report = self._files
        self.heard(b"")
        self._heard = b""

    def empty(self) -> None:
        """The same for a process that goes on."""
        for fd in self._files:
            os.ftruncate(fd, 0)
            os.lseek(fd, 0, os.SEEK_SET)

    def add_marks(self, size: int) -> int:
        """One more file for the next program's process: of so many zeros, whatever its limits."""
        fd = _scratch_file()
        self._files.append(fd)
        os.ftruncate(fd, size)
        return fd

    def furnish(self, request: Dict[str, Any]) -> None:
        """The standard input and the files of the next program's process."""
        if request.get("stdin"):
            _write_all(self.stdin, request["stdin"])
            os.lseek(self.stdin, 0, os.SEEK_SET)
        for name, data in request.get("files", ()):
            fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
            _write_all(fd, data)
            os.close(fd)

    def outputs(self, limits: Dict[str, Any]) -> List[bytes]:
        """stdout, stderr and both reports, with one byte more than may be if there is more."""
        most = int(limits["output_bytes"]) + 1
        return [
            _content(self.stdout, most),
            _content(self.stderr, most),
            _content(self.report, report.MAX_BYTES + 1),
            _content(self.test_report, report.MAX_BYTES + 1),
        ]

    def heard(self, word: bytes) -> int:
        """How many children said this since `prepare`."""
        try:
            self._heard += os.read(self.words, 64)
        except BlockingIOError:
            pass
        return self._heard.count(word)

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
        for folder in [*self.folders, *self.swept]:
            try:
                os.chmod(folder, stat.S_IRWXU)
            except FileNotFoundError:  # where a program can remove its folder
                os.mkdir(folder)
            except PermissionError:  # not ours, in a container: no program can close it to us
                pass
            with os.scandir(folder) as entries:
                found = list(entries)
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    _remove_tree(folder)
                    break
                os.unlink(entry.path)
            os.utime(folder)
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


def _write_all(fd: int, data: bytes) -> None:
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
    import tempfile  # brings in modules that have something to do at each fork

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


def _fill_up() -> None:
    """Takes all low descriptors, so that those to come are high. Children close them."""
    while os.open(os.devnull, os.O_RDWR) < _LOWEST:
        pass


def _pipe() -> Tuple[int, int]:
    reader, writer = os.pipe()
    for fd in (reader, writer):
        os.set_blocking(fd, False)
    return reader, writer


def raised(fd: int) -> int:
    """The same, in place of it, above the descriptors that a program's process gets."""
    high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _LOWEST)
    os.close(fd)
    return high
