"""Looks at programs without running them, in a guest: a text can crash what parses it."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from codefeedback import forks
from codefeedback.errors import SandboxError
from codefeedback.problems import Limits
from codefeedback.sandbox.guests import GuestSandbox
from codefeedback.sandbox.interface import Execution, Script
from codefeedback.sandbox.testimony import trace_of
from codefeedback.spans import CharSpan, Source
from codefeedback.traces import Trace

_INSPECTION = Source("from cf_inspection import main\nmain.main()\n", "inspect.py")
#: What a guest for inspections is to have imported, and the folder where it finds that.
_MODULE = "cf_inspection.main"
MODULES = (_MODULE,)
FOLDER = str(Path(__file__).parent)
_LIMITS = Limits(cpu_seconds=1.0, wall_seconds=10.0, output_bytes=8 << 20)
_KEPT = 64
_PLAIN_LENGTH, _PLAIN_WIDTH, _PLAIN_DEPTH = 50_000, 2_000, 30
_BRACKETS = re.compile(r"[()\[\]{}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement: what it says itself (of a compound one the header), all of it, and the index
    of the clause around it. The whole of a clause is its header and its suite. A silent statement
    may have no code."""

    own: CharSpan
    whole: CharSpan
    clause: int | None
    silent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a tool says of a place. `whole` is false where it tells no more than the start."""

    origin: str
    kind: str
    text: str
    place: CharSpan
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a program's text shows. Statements come before those that they hold.

    `syntax` is what the compiler of this interpreter says against the program. `executable` are the
    lines that have code, None where this interpreter cannot compile the text. `failure` says why
    the text could not be looked at; then all else is empty.
    """

    messages: tuple[Message, ...] = ()
    statements: tuple[Statement, ...] = ()
    executable: frozenset[int] | None = None
    syntax: Trace | None = None
    failure: str = ""


class Inspector:
    """Inspects programs in a sandbox that `make_sandbox` makes when it is first needed."""

    def __init__(self, make_sandbox: Callable[[], GuestSandbox]) -> None:
        self._make_sandbox = make_sandbox
        self._sandbox: GuestSandbox | None = None
        self._lock = Lock()
        self._known: OrderedDict[tuple[str, str], Inspection] = OrderedDict()
        forks.notify(self)

    def forked(self) -> None:
        """In a fork, where another thread may have held the lock."""
        self._lock = Lock()

    def close(self) -> None:
        with self._lock:
            if self._sandbox is not None:
                self._sandbox.close()

    def inspect(self, source: Source, prelude: str = "") -> Inspection:
        """What the program's text shows; `prelude` is code that runs before it.

        A text that the parsers do not survive is an `Inspection` with a `failure`. Raises
        SandboxUnavailableError where nothing can be run.
        """
        key = (source.text, prelude)
        with self._lock:
            if key in self._known:
                return self._known[key]
            if self._sandbox is None:
                self._sandbox = self._make_sandbox()
        request = json.dumps({"text": source.text.removeprefix("\ufeff"), "prelude": prelude})
        inspection = self._ask(self._sandbox, request.encode("ascii"), source)
        with self._lock:
            self._known[key] = inspection
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return inspection

    @staticmethod
    def _ask(sandbox: GuestSandbox, request: bytes, source: Source) -> Inspection:
        """A guest that goes on is asked, which is several times as fast; one for this text alone
        where it may not survive that, or did not."""
        if _is_plain(source.text):
            answer = sandbox.ask(_MODULE, request, _LIMITS.cpu_seconds)
            if answer is not None:
                return _read(answer, source)
        execution = sandbox.run(Script(program=_INSPECTION, stdin=request), _LIMITS)
        failure = _failure(execution)
        return Inspection(failure=failure) if failure else _read(execution.stdout, source)


def _is_plain(text: str) -> bool:
    """Whether a text is not of the kind that parsers die of: deeply nested, or endless."""
    if len(text) > _PLAIN_LENGTH or max(map(len, text.splitlines()), default=0) > _PLAIN_WIDTH:
        return False
    depth = 0
    for bracket in _BRACKETS.findall(text):
        depth += 1 if bracket in "([{" else -1
        if depth > _PLAIN_DEPTH:
            return False
    return True


def _failure(execution: Execution) -> str:
    """Why a text could not be looked at; empty if it could."""
    if execution.limit_hit is not None:
        return f"looking at the text {execution.limit_hit.exceeded}"
    if execution.signal is not None:
        return "the text is nested too deeply to be looked at"
    if execution.exit_code != 0:
        trace = execution.trace
        if trace is not None and trace.is_a("RecursionError", "MemoryError"):
            return "the text is nested too deeply to be looked at"
        return f"looking at the text failed: {_last_line(execution.stderr)}"
    return ""


def _read(answer: bytes, source: Source) -> Inspection:
    try:
        data = json.loads(answer)
    except ValueError as error:
        raise SandboxError(f"an inspection that is no JSON: {error}") from None
    return Inspection(
        messages=tuple(_message(row, source) for row in data["messages"]),
        statements=tuple(
            Statement(
                own=_span(own, source),
                whole=_span(whole, source),
                clause=None if at < 0 else at,
                silent=silent,
            )
            for own, whole, at, silent in data["statements"] or ()
        ),
        executable=None if data["executable"] is None else frozenset(data["executable"]),
        syntax=trace_of({"exception": data["syntax"]}, source),
    )


def _last_line(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:200] if lines else "without a word"


def _message(row: list[Any], source: Source) -> Message:
    origin, kind, text, place = row
    whole = None not in place
    if not whole:
        place = [*place[:2], *place[:2]]
    return Message(
        origin=origin,
        kind=kind,
        text=text,
        place=_span(place, source, utf8=origin == "flakes"),
        whole=whole,
    )


def _span(place: list[int], source: Source, utf8: bool = False) -> CharSpan:
    offset = source.offset_of_utf8 if utf8 else source.offset_of_column
    line, column, end_line, end_column = place
    last = source.line_count
    start = offset(min(max(line, 1), last), column)
    return source.span(start, max(start, offset(min(max(end_line, 1), last), end_column)))
