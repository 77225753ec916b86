"""A guest: an interpreter of its own in a process of its own, started, spoken with and ended."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from codefeedback import guest
from codefeedback.errors import BackstopError, RunLostError, SandboxUnavailableError
from codefeedback.guest import cgroups, channel
from codefeedback.problems import Limits
from codefeedback.sandbox import requests
from codefeedback.sandbox.interface import Command

_GUEST = Path(guest.__file__).parent / "main.py"
_LOOK_SECONDS = 1.0  # between looks at whether the guest was stopped
_ANSWER_SECONDS = 30.0  # for the guest to clean up and report after the backstop
_READY_SECONDS = 120.0
# Of a case that is sent before the one before it is answered: it must fit into the socket, since
# the guest does not read before it has answered.
_AHEAD_BYTES = 32 << 10
_HIDDEN_BOX = "/box"
_HIDDEN_BOX_BYTES = 512 << 20

#: What comes back of a run: facts, and stdout, stderr, the two reports.
Answer = tuple[dict[str, Any], tuple[bytes, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestSettings:
    """How a guest is set up.

    `paths` are added to sys.path, `preload` names modules that every program finds imported.
    `serves_many` programs, or one only. `seccomp` is the machine whose filters to use.
    """

    python: str
    paths: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    serves_many: bool = False
    landlock: bool = False
    seccomp: str | None = None
    namespaces: bool = False
    cgroups: bool = False


class Worker:
    """One guest. Raises SandboxUnavailableError when it does not come up.

    Its methods raise RunLostError when it is gone, BackstopError when it does not answer; after
    either it is of no more use.
    """

    def __init__(self, settings: GuestSettings, processor: int | None = None) -> None:
        self._settings = settings
        #: the only processor that it and its programs run on
        self.processor = processor
        self._folder: str | None = None
        #: answers that were not taken yet; a guest that owes some cannot be asked anything else
        self.owed = 0
        box = _HIDDEN_BOX
        if not settings.namespaces:
            self._folder = tempfile.mkdtemp(prefix="codefeedback-")
            box = str(Path(self._folder) / "box")
        self._mark = f"HOME={box}\0".encode()
        self._group = _new_group() if settings.cgroups else None
        self._control, theirs = socket.socketpair()
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            with theirs:
                self._process = self._start(theirs.fileno(), box)
            if self._group is not None:
                with contextlib.suppress(OSError):  # it may have died already, as will be seen
                    self._group.take(self._process.pid)
        except BaseException:
            self._control.close()
            self._remove()
            raise
        try:
            self._introduce(box)
        except BaseException:
            self.close()
            raise

    def _start(self, control: int, box: str) -> subprocess.Popen[bytes]:
        python = self._settings.python
        try:
            return subprocess.Popen(
                [python, "-s", "-S", str(_GUEST), str(control)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._complaints,
                pass_fds=[control],
                cwd=self._folder or "/",
                env=_environment(box),
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxUnavailableError(f"cannot start {python}: {error}") from error

    def _introduce(self, box: str) -> None:
        more = {"box": box, "box_bytes": _HIDDEN_BOX_BYTES, "processor": self.processor}
        settings = {**asdict(self._settings), **more}
        try:
            self._send(channel.frame(settings))
            self._wait(_READY_SECONDS)
            answer = channel.receive(self._control.fileno())
        except (RunLostError, BackstopError, channel.ChannelClosed) as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=1.0)  # most often it ended by itself
            self._process.kill()
            if self._process.wait() == -signal.SIGKILL:
                raise RunLostError(f"a guest did not come up: {error}") from None
            self._complaints.seek(0)
            lines = self._complaints.read().decode("utf-8", "replace").strip().splitlines()
            reason = lines[-1] if lines else str(error)
            raise SandboxUnavailableError(
                f"{self._settings.python} does not start as a sandbox: {reason}"
            ) from None
        if "unready" in answer:
            raise SandboxUnavailableError(f"the sandbox cannot be set up: {answer['unready']}")

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def run(self, command: Command, limits: Limits) -> Answer:
        """Runs one command."""
        parts = (requests.header("one", [command], limits), requests.program(command))
        self._allow(limits)
        self.owed = 1
        self._send(b"".join((*parts, requests.case(command, limits))))
        return self._answer(limits)

    def run_many(
        self, commands: Sequence[Command], limits: Limits, ahead: bool
    ) -> Generator[Answer]:
        """Runs commands of one program, each in a process of its own.

        With `ahead` a command may start before the answer to the one before it was taken.
        """
        self._allow(limits)
        frames = requests.header("many", commands, limits) + requests.program(commands[0])
        waiting = deque(commands)
        try:
            while waiting or self.owed:
                if not self.owed:
                    frames += requests.case(waiting.popleft(), limits)
                    self.owed += 1
                if ahead and waiting and self.owed < 2:
                    following = requests.case(waiting[0], limits)
                    if len(following) <= _AHEAD_BYTES:
                        frames += following
                        self.owed += 1
                        waiting.popleft()
                self._send(frames)
                frames = b""
                yield self._answer(limits)
        finally:
            if not self.owed:
                self._send(requests.end())

    def run_reused(self, commands: Sequence[Command], limits: Limits) -> Generator[Answer]:
        """Runs commands of one program in one process. A command that ends it is the last one
        that is answered, and nothing is owed then."""
        head = requests.header("reuse", commands, limits) + requests.program(commands[0])
        self._allow(limits)
        self.owed = len(commands)
        self._send(head + requests.reused_cases(commands))
        while self.owed:
            facts, outputs = self._answer(limits)
            if facts["over"]:
                self.owed = 0
            yield facts, outputs

    def ask(self, module: str, question: bytes, cpu_seconds: float) -> bytes:
        """What a preloaded module answers; it has so much processor time."""
        head = {"way": "answer", "module": module, "cpu_seconds": cpu_seconds}
        self.owed = 1
        self._send(channel.frame(head) + channel.frame({}, question))
        self._wait(_ANSWER_SECONDS + 20.0 * cpu_seconds)
        _, (answer,) = self._receive()
        self.owed = 0
        return answer

    def _send(self, frames: bytes) -> None:
        if not frames:
            return
        try:
            channel.send_frame(self._control.fileno(), frames)
        except channel.ChannelClosed as error:
            raise RunLostError(f"the supervisor of a run is gone: {error}") from None

    def _answer(self, limits: Limits) -> Answer:
        self._wait(requests.backstop_seconds(limits) + _ANSWER_SECONDS)
        facts, outputs = self._receive()
        self.owed -= 1
        return facts, outputs

    def _receive(self) -> Answer:
        try:
            return channel.receive_with_bytes(self._control.fileno())
        except channel.ChannelClosed as error:
            raise RunLostError(f"the supervisor of a run is gone: {error}") from None

    def _wait(self, seconds: float) -> None:
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        give_up = time.monotonic() + seconds
        while not poll.poll(1000 * _LOOK_SECONDS):
            if os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOHANG) is not None:
                self._process.kill()
                raise RunLostError("the supervisor of a run was stopped")
            if time.monotonic() >= give_up:
                raise BackstopError(f"no answer from the supervisor within {seconds:.0f} s")

    def interrupt(self) -> None:
        """Makes the guest end what it runs, and itself. Can be called from another thread."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends the guest and all that it runs, and leaves nothing behind."""
        self.interrupt()
        self._control.close()
        try:
            status = self._process.wait(timeout=_ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        if status != 0 and self._folder is not None:
            _kill_strays(self._mark)
        self._remove()

    def _allow(self, limits: Limits) -> None:
        if self._group is not None:
            self._group.allow(limits.processes, limits.memory_bytes)

    def forget(self) -> None:
        """In a forked child of the grader: closes what is the parent's, and ends nothing."""
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


def _environment(box: str) -> dict[str, str]:
    """All that a program finds in its environment."""
    return {
        "HOME": box,
        "TMPDIR": box,
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        # The order of a set of strings must not differ from run to run.
        "PYTHONHASHSEED": "0",
        # Arenas and thread pools reserve address space, which the memory limit counts.
        "MALLOC_ARENA_MAX": "2",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


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
