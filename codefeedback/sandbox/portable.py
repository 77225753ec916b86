"""The fallback sandbox: a fresh interpreter per run, resource limits, a clean environment.

Needs nothing but a POSIX system. It keeps answers out of the processes that run programs and ends
whatever they start, but it cannot hide this machine's files and network from them
(docs/sandbox.md).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from codefeedback import guest
from codefeedback.errors import (
    BackstopError,
    ProblemError,
    RunLostError,
    SandboxUnavailableError,
    UsageError,
)
from codefeedback.guest import channel, values
from codefeedback.problems import Limits
from codefeedback.sandbox import testimony
from codefeedback.sandbox.interface import (
    NO_VALUE,
    Call,
    Check,
    Command,
    Execution,
    Limit,
    Sandbox,
    Script,
    Stage,
)
from codefeedback.spans import Source

_GUEST = Path(guest.__file__).parent / "main.py"
# How often a run is tried whose supervisor vanished, before we say that we failed.
_TRIES = 3
_LOOK_SECONDS = 1.0  # between looks at whether the supervisor was stopped
_ANSWER_SECONDS = 30.0  # for the supervisor to clean up and report after the backstop
# What a process may say of itself. Only the process of the test says how the test went.
_OF_PROGRAM = {"compile": Stage.COMPILE, "run": Stage.RUN, "overflow": Stage.RUN}
_OF_CALL = {**_OF_PROGRAM, "done": Stage.RETURNED}
_OF_TEST = {
    "passed": Stage.PASSED,
    "failed": Stage.FAILED,
    "raised": Stage.RUN,
    "missing": Stage.RUN,
    "lost": Stage.LOST,
}


# What the program's process says of others, and can forge: that code of the problem fails, or that
# we could not set the process up.
_CLAIMS = {"problem": ProblemError, "unready": SandboxUnavailableError}


class _ClaimError(Exception):
    """The program's process says that not the program failed."""

    def __init__(self, error: Exception, execution: Execution) -> None:
        self.error = error
        self.execution = execution


class PortableSandbox(Sandbox):
    """Runs each command in a fresh process of `python` (default: the interpreter of this process).

    Programs see the standard library, and with `site_packages` what is installed beside `python`.
    Raises UsageError for an interpreter that does not run.
    """

    name = "portable"
    tier = "portable"
    hides_files = False

    def __init__(self, *, python: str | None = None, site_packages: bool = False) -> None:
        self._python = python or sys.executable
        # Asked of a foreign interpreter in any case: it says early what is wrong with it.
        asked = site_packages or python is not None
        installed = _installed_paths(self._python) if asked else []
        self._paths = installed if site_packages else []
        self._lock = threading.Lock()
        self._running: set[socket.socket] = set()
        self._closed = False

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for control in self._running:
                with contextlib.suppress(OSError):
                    control.shutdown(socket.SHUT_RDWR)  # its supervisor kills what it started

    def run(self, command: Command, limits: Limits) -> Execution:
        for attempt in range(_TRIES):
            try:
                return self._run_once(command, limits)
            except _ClaimError as claim:
                self._believe_or_not(claim, command, limits)
                return claim.execution
            except RunLostError:
                if self._closed or attempt == _TRIES - 1:
                    raise
            except OSError as error:
                raise SandboxUnavailableError(f"cannot run programs: {error}") from error
        raise AssertionError("unreachable")

    def _believe_or_not(self, claim: _ClaimError, command: Command, limits: Limits) -> None:
        """What is true without the program as well is none of its inventions."""
        empty = replace(command, program=Source("", command.program.name))
        try:
            self._run_once(empty, limits)
        except _ClaimError:
            raise claim.error from None

    def _run_once(self, command: Command, limits: Limits) -> Execution:
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(_folder())
            program = command.program
            (folder / program.name).write_bytes(program.data)
            if isinstance(command, Script):
                for name, data in command.files.items():
                    (folder / name).write_bytes(data)
            files = [stack.enter_context(_scratch_file()) for _ in range(5)]
            stdin, stdout, stderr, report, test_report = files
            if isinstance(command, Script):
                stdin.write(command.stdin)
                stdin.flush()
                stdin.seek(0)
            frames = self._frames(command, limits, report.fileno(), test_report.fileno())
            facts = self._supervise(folder, files, frames, _backstop(limits))
            most = limits.output_bytes + 1
            outputs = [_content(file, most) for file in (stdout, stderr)]
            outputs += [_content(file, testimony.MAX_BYTES + 1) for file in (report, test_report)]
        return _execution(command, limits, facts, outputs)

    def _frames(
        self, command: Command, limits: Limits, report: int, test_report: int
    ) -> list[dict[str, Any]]:
        """The messages that the supervisor reads: the program's part, then the test's."""
        request: dict[str, Any] = {
            "mode": "script",
            "name": command.program.name,
            "ignore_cookie": command.program.ignore_cookie,
            "prelude": command.prelude,
            "limits": limits.to_dict(),
            "backstop_seconds": _backstop(limits),
            "paths": self._paths,
            "report": report,
            "test_report": test_report,
        }
        if isinstance(command, Script):
            return [{**request, "args": list(command.args)}]
        if isinstance(command, Call):
            call = {
                "mode": "call",
                "entry_point": command.entry_point,
                "args": values.encode(list(command.args)),
                "kwargs": {name: values.encode(item) for name, item in command.kwargs.items()},
            }
            return [request | call]
        test = {
            "test": command.test,
            "setup": command.setup,
            "entry_point": command.entry_point,
        }
        if command.split:
            return [request | {"mode": "split"}, test]
        return [request | test | {"mode": "inside"}]

    def _supervise(
        self, folder: Path, files: list[BinaryIO], frames: list[dict[str, Any]], backstop: float
    ) -> dict[str, Any]:
        """Starts a supervisor, waits for its facts, and leaves nothing running."""
        ours, theirs = socket.socketpair()
        stdin, stdout, stderr, *reports = files
        with ours, theirs:
            try:
                process = subprocess.Popen(
                    [self._python, "-s", "-S", str(_GUEST), str(theirs.fileno())],
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                    pass_fds=[theirs.fileno(), *(file.fileno() for file in reports)],
                    cwd=folder,
                    env=_environment(folder),
                    start_new_session=True,
                )
            except OSError as error:
                raise SandboxUnavailableError(f"cannot start {self._python}: {error}") from error
            try:
                theirs.close()
                self._register(ours)
                return _converse(ours, process, frames, backstop)
            finally:
                self._forget(ours)
                ours.close()  # a supervisor that is still at work ends its programs now
                if _end(process) != 0:
                    _kill_strays(folder)

    def _register(self, control: socket.socket) -> None:
        with self._lock:
            if self._closed:
                raise RunLostError("the sandbox is closed")
            self._running.add(control)

    def _forget(self, control: socket.socket) -> None:
        with self._lock:
            self._running.discard(control)


def _converse(
    control: socket.socket,
    process: subprocess.Popen[bytes],
    frames: list[dict[str, Any]],
    backstop: float,
) -> dict[str, Any]:
    """Sends the request and waits for the facts."""
    try:
        for frame in frames:
            channel.send(control.fileno(), frame)
        poll = select.poll()
        poll.register(control, select.POLLIN)
        give_up = time.monotonic() + backstop + _ANSWER_SECONDS
        while not poll.poll(1000 * _LOOK_SECONDS):
            if os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOHANG) is not None:
                process.kill()
                raise RunLostError("the supervisor of a run was stopped")
            if time.monotonic() >= give_up:
                raise BackstopError(f"no answer from the supervisor within {backstop:.0f} s")
        facts = channel.receive(control.fileno())
    except channel.ChannelClosed as error:
        raise RunLostError(f"the supervisor of a run is gone: {error}") from None
    return facts  # type: ignore[no-any-return]


def _end(process: subprocess.Popen[bytes]) -> int:
    """Waits for the supervisor's own end; its exit status, 0 when it cleaned up."""
    try:
        return process.wait(timeout=_ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _kill_strays(folder: Path) -> None:
    """Kills what a supervisor that died left running: the processes whose home is its folder."""
    mark = f"HOME={folder}\0".encode()
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


def _execution(
    command: Command, limits: Limits, facts: dict[str, Any], outputs: list[bytes]
) -> Execution:
    stdout, stderr, *reports = outputs
    report, test_report = (testimony.read(data) for data in reports)
    split = isinstance(command, Check) and command.split
    by_test = split and report.get("phase") == "run" and "exception" not in report
    said = test_report if by_test else report
    phase = str(said.get("phase"))
    limit = _limit_hit(facts)
    if max(len(stdout), len(stderr)) > limits.output_bytes or phase == "overflow":
        limit = limit or Limit.OUTPUT
    if by_test and phase == "problem":
        raise ProblemError(testimony.text_of(said, "reason") or "the test fails by itself")
    if by_test and phase not in _OF_TEST and limit is None:
        raise RunLostError("the process of the test code ended without a word")
    stage = _stages(command, by_test).get(phase, Stage.RUN if said else Stage.START)
    test = Source(command.test, "<test>") if isinstance(command, Check) else command.program
    test_failed = stage is Stage.FAILED
    program, *_ = facts["children"]
    execution = Execution(
        stage=stage,
        exit_code=program["exit_code"],
        signal=program["signal"],
        wall_seconds=facts["wall_seconds"],
        cpu_seconds=sum(child["cpu_seconds"] for child in facts["children"]),
        max_rss_bytes=program["max_rss_bytes"],
        stdout=stdout[: limits.output_bytes],
        stderr=stderr[: limits.output_bytes],
        limit_hit=limit,
        trace=None if test_failed else testimony.trace_of(said, command.program),
        test_trace=testimony.trace_of(said, test) if test_failed else None,
        value=testimony.value_of(said) if stage is Stage.RETURNED else NO_VALUE,
        missing=testimony.text_of(said, "missing"),
        split=split or not isinstance(command, Check),
    )
    if phase in _CLAIMS:
        reason = testimony.text_of(said, "reason") or "its code fails"
        raise _ClaimError(_CLAIMS[phase](reason), execution)
    return execution


def _stages(command: Command, by_test: bool) -> dict[str, Stage]:
    """What the one who speaks may say."""
    if by_test:
        return _OF_TEST
    if isinstance(command, Check) and not command.split:
        return _OF_PROGRAM | _OF_TEST
    return _OF_CALL if isinstance(command, Call) else _OF_PROGRAM


def _limit_hit(facts: dict[str, Any]) -> Limit | None:
    hits = [child["limit_hit"] for child in facts["children"] if child["limit_hit"]]
    if "backstop" in hits:
        raise BackstopError(f"a run was not over after {facts['wall_seconds']:.0f} s")
    return Limit(hits[0]) if hits else None


def _backstop(limits: Limits) -> float:
    """Wall-clock seconds after which a run is our failure: so much slower is no honest machine."""
    return 60.0 + 20.0 * (limits.cpu_seconds + limits.wall_seconds)


def _environment(folder: Path) -> dict[str, str]:
    """All that a program finds in its environment."""
    return {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        # The order of a set of strings must not differ from run to run.
        "PYTHONHASHSEED": "0",
        # Arenas and thread pools reserve address space, which the memory limit counts.
        "MALLOC_ARENA_MAX": "2",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A private folder that is gone afterwards, whatever a program made of it."""
    path = tempfile.mkdtemp(prefix="codefeedback-")
    try:
        yield Path(path)
    finally:
        try:
            # A program can have put a link in its place, whose target is none of ours.
            Path(path).unlink() if Path(path).is_symlink() else shutil.rmtree(path)
        except FileNotFoundError:
            pass  # it moved or removed its folder
        except (OSError, RecursionError):
            # Folders without permissions, or nested deeper than Python can follow.
            for command in (["chmod", "-R", "u+rwx", path], ["rm", "-rf", path]):
                subprocess.run(
                    command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
                )


def _scratch_file() -> BinaryIO:
    """An empty file without a name."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("codefeedback"), "w+b")
    return tempfile.TemporaryFile()


def _content(file: BinaryIO, most: int) -> bytes:
    """The start of a file. Its offset is shared with the processes that wrote it, and left
    alone."""
    parts, offset = [], 0
    while part := os.pread(file.fileno(), min(1 << 24, most - offset), offset):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


def _installed_paths(python: str) -> list[str]:
    """The folders of installed packages of an interpreter. Raises UsageError if it does not run."""
    script = (
        "import json, sys, sysconfig; p = sysconfig.get_paths();"
        "print(json.dumps([sys.version_info[:2], sorted({p['purelib'], p['platlib']})]))"
    )
    try:
        answer = subprocess.run(
            [python, "-c", script], stdin=subprocess.DEVNULL, capture_output=True, check=True
        )
        version, paths = json.loads(answer.stdout)
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        raise UsageError(f"{python} is no Python interpreter that runs: {error}") from None
    if version < [3, 8]:
        raise UsageError(f"{python} is Python {version[0]}.{version[1]}; 3.8 or later is needed")
    return list(paths)
