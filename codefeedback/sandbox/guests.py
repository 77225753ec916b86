"""What sandboxes that run programs in guests have in common: whom to ask again, and whom to
believe."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from abc import abstractmethod
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from signal import SIGKILL

from codefeedback import forks
from codefeedback.errors import (
    BackstopError,
    ProblemError,
    RunLostError,
    SandboxError,
    SandboxUnavailableError,
    UsageError,
)
from codefeedback.problems import Limits
from codefeedback.sandbox.asserts import decided, shortcut
from codefeedback.sandbox.executions import ClaimError, execution_of
from codefeedback.sandbox.interface import Check, Command, Execution, Limit, Sandbox
from codefeedback.sandbox.worker import Worker
from codefeedback.spans import Source

# How often a run is tried whose guest vanished, before we say that we failed.
_TRIES = 3
_BACKSTOP_TRIES = 2
# A program that was ended at its limit while it waited for a processor for more than this share
# of its time ran beside others, which cost it time of its own, too: it gets a second run.
_CONTENDED = 0.2


class GuestSandbox(Sandbox):
    """Runs commands in guests that `_take` and `_give_back` hand out and get back."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._busy: set[Worker] = set()
        self._closed = False
        forks.notify(self)

    def forked(self) -> None:
        """In a fork of the grader: the guests are its parent's, and are left alone."""
        self._lock = threading.RLock()
        for worker in self._busy:
            worker.forget()
        self._busy = set()

    @abstractmethod
    def _take(self, limits: Limits) -> Worker:
        """A worker that owes nothing, and has room for programs with these limits."""

    @abstractmethod
    def _give_back(self, worker: Worker) -> None:
        """Keeps or ends a worker."""

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for worker in self._busy:
                worker.interrupt()

    def run(self, command: Command, limits: Limits) -> Execution:
        shorter, asserts = shortcut(command)
        if asserts:
            try:
                told = decided(asserts, self._run(shorter, limits))
            except (SandboxError, ProblemError):
                told = None  # the test itself will say so
            if told is not None:
                return told
        return self._run(command, limits)

    def ask(self, module: str, question: bytes, cpu_seconds: float) -> bytes | None:
        """What a preloaded module answers to data that it does not run; None if it dies of it."""
        worker = self._borrow(Limits())
        try:
            return worker.ask(module, question, cpu_seconds)
        except (RunLostError, BackstopError):
            return None
        finally:
            self._return(worker)

    def _run(self, command: Command, limits: Limits) -> Execution:
        doubted = False
        lost = backstops = 0
        while True:
            try:
                execution = self._run_once(command, limits)
            except ClaimError as claim:
                if claim.certain:
                    raise claim.error from None
                self._believe_or_not(claim, command, limits)
                return claim.execution
            except RunLostError:
                lost += 1
                if self._closed or lost == _TRIES:
                    raise
                continue
            except BackstopError:
                backstops += 1
                if backstops == _BACKSTOP_TRIES:
                    raise
                continue
            except OSError as error:
                raise SandboxUnavailableError(f"cannot run programs: {error}") from error
            if doubted or not _is_doubtful(execution):
                return execution
            doubted = True

    def run_all(
        self,
        commands: Sequence[Command],
        limits: Limits,
        *,
        ahead: bool = True,
        reuse: bool = False,
    ) -> Generator[Execution]:
        waiting = deque(commands)
        while waiting:
            if len(waiting) > 1:
                for execution in self._smooth(list(waiting), limits, ahead, reuse):
                    waiting.popleft()
                    yield execution
            if waiting:  # the one with which something was wrong, or a last one
                yield self.run(waiting.popleft(), limits)

    def _smooth(
        self, commands: list[Command], limits: Limits, ahead: bool, reuse: bool
    ) -> Generator[Execution]:
        """Runs commands of one program until there is one that has to be looked into."""
        reuse = reuse and not any(
            isinstance(command, Check) or command.coverage for command in commands
        )
        short = [shortcut(command) for command in commands]
        sent = [command for command, _ in short]
        try:
            worker = self._borrow(limits)
        except (SandboxError, OSError):
            return  # who runs the first one by itself will say so
        way = worker.run_reused(sent, limits) if reuse else worker.run_many(sent, limits, ahead)
        try:
            for (command, asserts), (facts, outputs) in zip(short, way, strict=False):
                execution = execution_of(command, limits, facts, outputs, reused=reuse)
                told = decided(asserts, execution) if asserts else execution
                if told is None or (_is_doubtful(execution) and not reuse):
                    return
                yield told
        except (SandboxError, ProblemError, ClaimError):
            return
        finally:
            try:
                way.close()
            except (RunLostError, BackstopError):
                worker.owed += 1
            self._return(worker)

    def _believe_or_not(self, claim: ClaimError, command: Command, limits: Limits) -> None:
        """What is true without the program as well is none of its inventions."""
        empty = replace(command, program=Source("", command.program.name))
        try:
            self._run_once(empty, limits)
        except ClaimError:
            raise claim.error from None

    def _run_once(self, command: Command, limits: Limits) -> Execution:
        worker = self._borrow(limits)
        try:
            facts, outputs = worker.run(command, limits)
        finally:
            self._return(worker)
        return execution_of(command, limits, facts, outputs)

    def _borrow(self, limits: Limits) -> Worker:
        worker = self._take(limits)
        with self._lock:
            if not self._closed:
                self._busy.add(worker)
                return worker
        worker.close()
        raise RunLostError("the sandbox is closed")

    def _return(self, worker: Worker) -> None:
        with self._lock:
            self._busy.discard(worker)
        self._give_back(worker)


def _is_doubtful(execution: Execution) -> bool:
    """Whether something that is not the program's may have ended it: somebody's SIGKILL, or time
    that others cost it."""
    if execution.limit_hit is Limit.CPU:
        return execution.delay_seconds > _CONTENDED * execution.cpu_seconds
    return execution.limit_hit is None and execution.signal == SIGKILL


def interpreter(python: str | None, site_packages: bool) -> tuple[str, tuple[str, ...]]:
    """Where an interpreter (default: this one) is, and the folders of what is installed beside it,
    if asked for.

    A foreign interpreter is asked in any case: it says early what is wrong with it. Raises
    UsageError if it does not run.
    """
    if python is None and not sys.executable:
        raise UsageError("python: this process does not know its own interpreter; name one")
    if python is None and not site_packages:
        return sys.executable, ()
    found = examined(python or sys.executable)
    return found.path, found.installed if site_packages else ()


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter, as it knows itself."""

    version: str
    path: str
    #: the folders of what is installed beside it
    installed: tuple[str, ...]


def examined(python: str) -> Interpreter:
    """Asks an interpreter. Raises UsageError if it does not run, or is too old."""
    script = (
        "import json, sys, sysconfig; p = sysconfig.get_paths();"
        "print(json.dumps([sys.version_info[:3], sys.executable, "
        "sorted({p['purelib'], p['platlib']})]))"
    )
    try:
        # -I: neither modules of the folder that we are in nor our variables are meant for it.
        answer = subprocess.run(
            [python, "-I", "-c", script], stdin=subprocess.DEVNULL, capture_output=True, check=True
        )
        version, path, installed = json.loads(answer.stdout)
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        raise UsageError(f"{python} is no Python interpreter that runs: {error}") from None
    told = ".".join(map(str, version))
    if version < [3, 8]:
        raise UsageError(f"{python} is Python {told}; 3.8 or later is needed")
    return Interpreter(told, path or python, tuple(installed))
