"""A guest that is a process of ours."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from codefeedback.errors import BackstopError, RunLostError, SandboxUnavailableError
from codefeedback.guest import cgroups
from codefeedback.problems import Limits
from codefeedback.sandbox.worker import GuestSettings, Worker, guest_command, guest_environment

_CLOSE_SECONDS = 30.0
_HIDDEN_BOX = "/box"


class ProcessWorker(Worker):
    """One guest, run by the interpreter `python`; with `in_group` in a control group of its own.

    Raises SandboxUnavailableError when it does not come up.
    """

    def __init__(
        self,
        python: str,
        settings: GuestSettings,
        *,
        in_group: bool = False,
        processor: int | None = None,
    ) -> None:
        control, theirs = socket.socketpair()
        super().__init__(control, processor)
        self._python = python
        self._folder: str | None = None
        box = _HIDDEN_BOX
        if not settings.namespaces:
            self._folder = tempfile.mkdtemp(prefix="codefeedback-")
            box = str(Path(self._folder) / "box")
        self._mark = os.fsencode(f"HOME={box}\0")
        self._group = _new_group() if in_group else None
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            with theirs:
                self._process = self._start(theirs, box)
            if self._group is not None:
                with contextlib.suppress(OSError):  # it may have died already, as will be seen
                    self._group.take(self._process.pid)
        except BaseException:
            self._control.close()
            self._remove()
            raise
        try:
            self._come_up(settings, box)
        except BaseException:
            self.close()
            raise

    def _start(self, theirs: socket.socket, box: str) -> subprocess.Popen[bytes]:
        # Where we have no standard streams its number may be one of theirs.
        control = fcntl.fcntl(theirs.fileno(), fcntl.F_DUPFD_CLOEXEC, 3)
        try:
            return subprocess.Popen(
                guest_command(self._python, str(control)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._complaints,
                pass_fds=[control],
                cwd=self._folder or "/",
                env=guest_environment(box),
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxUnavailableError(f"cannot start {self._python}: {error}") from error
        finally:
            os.close(control)

    def _come_up(self, settings: GuestSettings, box: str) -> None:
        try:
            self._introduce(settings, box)
        except (RunLostError, BackstopError) as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=1.0)  # most often it ended by itself
            self._process.kill()
            if self._process.wait() == -signal.SIGKILL:
                raise RunLostError(f"a guest did not come up: {error}") from None
            self._complaints.seek(0)
            lines = self._complaints.read().decode("utf-8", "replace").strip().splitlines()
            reason = lines[-1] if lines else str(error)
            raise SandboxUnavailableError(
                f"{self._python} does not start as a sandbox: {reason}"
            ) from None

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def _check(self) -> None:
        if os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOHANG) is not None:
            self._process.kill()
            raise RunLostError("the supervisor of a run was stopped")

    def _prepare(self, limits: Limits) -> None:
        if self._group is not None:
            self._group.allow(limits.processes, limits.memory_bytes)

    def close(self) -> None:
        self.interrupt()
        self._control.close()
        try:
            status = self._process.wait(timeout=_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        if status != 0 and self._folder is not None:
            _kill_strays(self._mark)
        self._remove()

    def forget(self) -> None:
        self._control.close()
        self._complaints.close()

    def _remove(self) -> None:
        self._complaints.close()
        if self._group is not None:
            self._group.remove()
        if self._folder is not None:
            _remove_folder(self._folder)


def _new_group() -> cgroups.Group | None:
    """A control group; None where the machine has run out of them, since they are an extra."""
    try:
        return cgroups.Group()
    except OSError:
        return None


def _kill_strays(mark: bytes) -> None:
    """Kills what a guest that died left running: the processes whose home is its folder."""
    clean = 0
    for _ in range(100):
        strays = list(_processes_with(mark))
        for pid in strays:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        # Looked at twice: a process has no environment while it is being replaced.
        clean = 0 if strays else clean + 1
        if clean == 2:
            return
        time.sleep(0.02)


def _processes_with(mark: bytes) -> Iterator[int]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (process / "environ").read_bytes():
                yield int(process.name)


def _remove_folder(path: str) -> None:
    """Removes a folder, whatever a program made of it."""
    try:
        # A program can have put a link in its place, whose target is none of ours.
        Path(path).unlink() if Path(path).is_symlink() else shutil.rmtree(path)
    except FileNotFoundError:
        pass  # removed by the guest, or moved by a program
    except (OSError, RecursionError):
        # Folders without permissions, or nested deeper than Python can follow.
        for command in (["chmod", "-R", "u+rwx", path], ["rm", "-rf", path]):
            subprocess.run(
                command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
            )
