"""What every sandbox does: run a command under limits and tell the facts. It judges nothing.

A command holds everything that may enter a process which runs candidate code, and so no answers;
only `Check.test` is read by a process of its own.
"""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

from codefeedback.problems import Limits
from codefeedback.spans import Source
from codefeedback.traces import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Run the program as ``python NAME ARGS`` with `stdin`; `files` lie in its folder."""

    program: Source
    stdin: bytes = b""
    args: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    prelude: str = ""
    coverage: bool = False  #: tell which lines run; slower, and never in a process used again


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Import the program and call `entry_point` with builtin values."""

    program: Source
    entry_point: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    prelude: str = ""
    coverage: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Import the program and make `calls` (entry point, args, kwargs) until one raises.

    They get `quick_seconds` of processor time at most, and ten times that of idle time. With
    `find_once` all are calls of what the first entry point names before the first call.
    """

    program: Source
    calls: tuple[tuple[str, tuple[Any, ...], Mapping[str, Any]], ...]
    quick_seconds: float
    find_once: bool = False
    prelude: str = ""
    coverage: bool = False

    def limits(self, limits: Limits) -> Limits:
        """The smaller limits that hold for them."""
        cpu = min(limits.cpu_seconds, self.quick_seconds)
        wall = min(limits.wall_seconds, 10 * self.quick_seconds)
        return replace(limits, cpu_seconds=cpu, wall_seconds=wall)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Run test code against the program: `split` in two processes, else together in one."""

    program: Source
    test: str
    setup: str = ""
    entry_point: str | None = None
    prelude: str = ""
    split: bool = True
    coverage: bool = False


Command = Script | Call | Calls | Check


class Limit(StrEnum):
    """The limit that ended a run."""

    CPU = "cpu"
    WALL = "wall"
    MEMORY = "memory"
    OUTPUT = "output"
    PROCESSES = "processes"

    @property
    def exceeded(self) -> str:
        """What the program did, in words."""
        return _EXCEEDED[self]


_EXCEEDED = {
    Limit.CPU: "used more processor time than allowed",
    Limit.WALL: "waited or slept for longer than allowed",
    Limit.MEMORY: "used more memory than allowed",
    Limit.OUTPUT: "wrote more output than allowed",
    Limit.PROCESSES: "started more processes and threads than allowed",
}


class Stage(StrEnum):
    """How far a run came, as far as is known."""

    START = "start"  #: nothing was heard of the program, not even that it compiled
    COMPILE = "compile"  #: it does not compile
    RUN = "run"  #: it ran
    RETURNED = "returned"  #: the call returned a value
    PASSED = "passed"  #: the test code ran to its end
    FAILED = "failed"  #: the test code raised
    LOST = "lost"  #: the test code lost the program's process


class NoValue:
    """The type of `NO_VALUE`: nothing was returned."""

    def __repr__(self) -> str:
        return "NO_VALUE"


NO_VALUE = NoValue()


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """Facts about one run. Times are seconds, memory is bytes.

    `exit_code` is None when a signal ended the process. `trace` is the program's uncaught
    exception, `test_trace` the test code's own. `value` is what a call returned, decoded, and
    `values` what several did; None unless all of them are exact builtin values.
    `missing` names what the program should define and does not. `delay_seconds` is how long a
    program that was ended had waited for a processor. `reused` says that other cases ran in the
    same process before.

    `lines` are the lines of the program that ran, sorted, as it says itself; `load_lines` are those
    that ran while a program that is imported was loaded, and `lines` then those that ran
    afterwards. None when that was not asked for, or is not known. `lines_complete` says that no
    others ran: no limit ended the run, and the program did not stop the watch.
    """

    stage: Stage
    exit_code: int | None
    signal: int | None
    wall_seconds: float
    cpu_seconds: float
    max_rss_bytes: int
    delay_seconds: float = 0.0
    stdout: bytes = b""
    stderr: bytes = b""
    limit_hit: Limit | None = None
    trace: Trace | None = None
    test_trace: Trace | None = None
    value: Any = NO_VALUE
    values: tuple[Any, ...] | None = None
    missing: str | None = None
    split: bool = True
    reused: bool = False
    lines: tuple[int, ...] | None = None
    load_lines: tuple[int, ...] | None = None
    lines_complete: bool = False

    @property
    def ending(self) -> str:
        """How the process ended, in words."""
        if self.signal is None:
            return f"ended with exit status {self.exit_code}"
        try:
            return f"killed by {signal.Signals(self.signal).name}"
        except ValueError:
            return f"killed by signal {self.signal}"


class Sandbox(ABC):
    """Runs commands. Safe to use from several threads at once.

    `name` and `tier` are recorded in every report; `hides_files` says whether the program can
    read this machine's files.
    """

    name: str
    tier: str
    hides_files: bool

    @abstractmethod
    def run(self, command: Command, limits: Limits) -> Execution:
        """Runs one command.

        Raises SandboxError when we failed, ProblemError when code that came with the problem
        (prelude, setup, test) failed by itself.
        """

    def run_all(
        self,
        commands: Sequence[Command],
        limits: Limits,
        *,
        ahead: bool = True,
        reuse: bool = False,
    ) -> Generator[Execution]:
        """Runs commands that share one program, in order; raises as `run` does.

        `ahead` allows a command to start before the execution before it was taken. With `reuse`
        they may run in one process; what fails there should be run again by `run`.
        """
        for command in commands:
            yield self.run(command, limits)

    @abstractmethod
    def close(self) -> None:
        """Ends what is running. Runs under way, and later ones, raise SandboxError."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
