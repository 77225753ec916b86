"""A guest as the grader sees it: an interpreter of its own that is sent programs, and answers."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from codefeedback import guest
from codefeedback.errors import BackstopError, RunLostError, SandboxUnavailableError
from codefeedback.guest import channel
from codefeedback.problems import Limits
from codefeedback.sandbox import requests
from codefeedback.sandbox.interface import Command

#: What a guest's interpreter runs.
GUEST = Path(guest.__file__).parent / "main.py"
_LIBRARIES = "LD_LIBRARY_PATH"
_LOOK_SECONDS = 1.0  # between looks at whether the guest was stopped
_ANSWER_SECONDS = 30.0  # for the guest to clean up and report after the backstop
_READY_SECONDS = 120.0
_STALLED_SECONDS = 120.0  # for a guest to take or give more of a frame that was begun
_HELLO_BYTES = 1 << 20
# Of a case that is sent before the one before it is answered: it must fit into the socket, since
# the guest does not read before it has answered.
_AHEAD_BYTES = 32 << 10
_BOX_BYTES = 512 << 20

#: Answer of a run: facts, and stdout, stderr, the two reports.
Answer = tuple[dict[str, Any], tuple[bytes, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestSettings:
    """How a guest is set up.

    `paths` are added to sys.path, `preload` names modules that every program finds imported.
    `serves_many` programs, or one only. `seccomp` is the machine whose filters to use.
    `contained` says that the guest has a container to itself, and finds out by itself what
    it can lock and what is installed there.
    """

    paths: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    serves_many: bool = False
    landlock: bool = False
    seccomp: str | None = None
    namespaces: bool = False
    contained: bool = False


class Worker(ABC):
    """One guest, at the other end of the socket `control`.

    Its methods raise RunLostError when it is gone, BackstopError when it does not answer; after
    either it is of no more use.
    """

    def __init__(self, control: socket.socket, processor: int | None) -> None:
        # Never waited for but with an eye on the guest: it may be stopped in the middle of a frame.
        control.setblocking(False)
        self._control = control
        #: the only processor that it and its programs run on
        self.processor = processor
        #: answers that were not taken yet; a guest that owes some cannot be asked anything else
        self.owed = 0

    @property
    @abstractmethod
    def alive(self) -> bool:
        """Whether it can be asked something."""

    @abstractmethod
    def _check(self) -> None:
        """Raises RunLostError for a guest that will not answer since somebody stopped it."""

    @abstractmethod
    def _prepare(self, limits: Limits) -> None:
        """What is to be done before each program, which has these limits."""

    def fits(self, limits: Limits) -> bool:
        """Whether programs with these limits have room in it."""
        return True

    @property
    def worn(self) -> bool:
        """Whether it has served for long enough, and another one should take its place."""
        return False

    @abstractmethod
    def close(self) -> None:
        """Ends the guest and all that it runs, and leaves nothing behind."""

    @abstractmethod
    def forget(self) -> None:
        """In a forked child of the grader: closes what is the parent's, and ends nothing."""

    def _lost(self, why: object) -> RunLostError:
        return RunLostError(f"the supervisor of a run is gone: {why}")

    def _introduce(self, settings: GuestSettings, box: str) -> Mapping[str, Any]:
        """Tells the guest what it is to be, and waits until it is that; what it says then.

        Raises SandboxUnavailableError when it cannot be, RunLostError when it dies of it.
        """
        box = _as_in_utf8(box)
        more = {
            "box": box,
            "box_bytes": _BOX_BYTES,
            "processor": self.processor,
            "environment": environment(box),
            "paths": [_as_in_utf8(path) for path in settings.paths],
        }
        self._send(channel.frame({**asdict(settings), **more}))
        answer = self._hear(_READY_SECONDS)
        if "unready" in answer:
            raise SandboxUnavailableError(f"the sandbox cannot be set up: {answer['unready']}")
        return answer

    def _hear(self, seconds: float) -> Mapping[str, Any]:
        """A short message without bytes."""
        self._wait(select.POLLIN, seconds)
        try:
            answer = channel.receive(self._control.fileno(), _HELLO_BYTES, self._wait_more)
        except channel.ChannelClosed as error:
            raise self._lost(error) from None
        if not isinstance(answer, dict):
            raise self._lost("it says what no guest of ours would")
        return answer

    def run(self, command: Command, limits: Limits) -> Answer:
        """Runs one command."""
        parts = (requests.header("one", [command], limits), requests.program(command))
        self._prepare(limits)
        self.owed = 1
        self._send(b"".join((*parts, requests.case(command, limits))))
        return self._answer(limits)

    def run_many(
        self, commands: Sequence[Command], limits: Limits, ahead: bool
    ) -> Generator[Answer]:
        """Runs commands of one program, each in a process of its own.

        With `ahead` a command may start before the answer to the one before it was taken.
        """
        self._prepare(limits)
        frames = requests.header("many", commands, limits) + requests.program(commands[0])
        waiting = deque(commands)
        hopeless = False
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
                facts, outputs = self._answer(limits)
                hopeless = not facts["compiled"] and bool(facts["in_step"])
                yield facts, outputs
        finally:
            while self.owed and hopeless:  # answered already: the same again
                self._answer(limits)
            if not self.owed:
                self._send(requests.end())

    def run_reused(self, commands: Sequence[Command], limits: Limits) -> Generator[Answer]:
        """Runs commands of one program in one process. A command that ends it is the last one
        that is answered, and nothing is owed then."""
        head = requests.header("reuse", commands, limits) + requests.program(commands[0])
        self._prepare(limits)
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
        self._wait(select.POLLIN, _ANSWER_SECONDS + 20.0 * cpu_seconds)
        _, (answer,) = self._receive()
        self.owed = 0
        return answer

    def _send(self, frames: bytes) -> None:
        if not frames:
            return
        try:
            channel.send_frame(
                self._control.fileno(), frames, lambda: self._wait(select.POLLOUT, _STALLED_SECONDS)
            )
        except channel.ChannelClosed as error:
            raise self._lost(error) from None

    def _answer(self, limits: Limits) -> Answer:
        self._wait(select.POLLIN, requests.backstop_seconds(limits) + _ANSWER_SECONDS)
        facts, outputs = self._receive()
        self.owed -= 1
        return facts, outputs

    def _receive(self) -> Answer:
        try:
            return channel.receive_with_bytes(self._control.fileno(), wait=self._wait_more)
        except channel.ChannelClosed as error:
            raise self._lost(error) from None

    def _wait_more(self) -> None:
        self._wait(select.POLLIN, _STALLED_SECONDS)

    def _wait(self, event: int, seconds: float) -> None:
        poll = select.poll()
        poll.register(self._control, event)
        give_up = time.monotonic() + seconds
        while not poll.poll(1000 * _LOOK_SECONDS):
            self._check()
            if time.monotonic() >= give_up:
                raise BackstopError(f"no answer from the supervisor within {seconds:.0f} s")

    def interrupt(self) -> None:
        """Makes the guest end what it runs, and itself. Can be called from another thread."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)


def _as_in_utf8(path: str) -> str:
    """A path as a guest reads its bytes, whatever the grader's locale."""
    return os.fsencode(path).decode("utf-8", "surrogateescape")


def environment(box: str) -> dict[str, str]:
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


def guest_command(python: str, *arguments: str) -> list[str]:
    """What starts the guest's `main.py`."""
    return [python, "-s", "-S", str(GUEST), *arguments]


def guest_environment(box: str) -> dict[str, str]:
    """What it is started with: what programs find in their environment, and where an interpreter
    may have to find its own library."""
    libraries = os.environ.get(_LIBRARIES)
    return environment(box) | ({_LIBRARIES: libraries} if libraries else {})
