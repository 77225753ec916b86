"""An uncaught exception as plain data, from the guest or from a traceback's text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One call in a traceback.

    Lines are 1-based. Columns are 0-based code points of the line, half-open, and None where the
    interpreter gives none (before CPython 3.11).
    """

    file: str
    function: str
    line: int
    end_line: int | None = None
    column: int | None = None
    end_column: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntaxDetail:
    """Where the compiler stumbled: lines and offsets are 1-based, offsets are code points.

    All are None when the compiler names no place; the offsets also where its unit is not sure, the
    end before CPython 3.10, or where it tells none. `can_go_on` says of an open bracket whether the
    text is right as far as it goes.
    """

    file: str | None = None
    line: int | None = None
    offset: int | None = None
    end_line: int | None = None
    end_offset: int | None = None
    can_go_on: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """An exception.

    `type_name` is the class's own name, `bases` the names of the built-in classes in its method
    resolution order (itself included when built in). `frames` are outermost first; a trace that
    the guest captured holds only frames of the program's own code. `explicit` tells whether the
    innermost frame is at a `raise EXPRESSION` statement. `cause` is the exception that this one
    was chained to, `members` those of an exception group.
    """

    type_name: str
    bases: tuple[str, ...]
    message: str
    frames: tuple[Frame, ...] = ()
    syntax: SyntaxDetail | None = None
    explicit: bool = False
    cause: Trace | None = None
    members: tuple[Trace, ...] = field(default=())

    @property
    def deepest(self) -> Frame | None:
        """The innermost frame, where the exception was raised."""
        return self.frames[-1] if self.frames else None

    def is_a(self, *names: str) -> bool:
        """Whether the exception is an instance of one of these built-in classes."""
        return any(name in self.bases for name in names)


_HEADER = re.compile(r"^\s*(?:\+ )?(?:Exception Group )?Traceback \(most recent call last\):$")
_FRAME = re.compile(r'^\s*File "(?P<file>[^"]*)", line (?P<line>\d+)(?:, in (?P<function>.*))?$')
_ERROR = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?$", re.DOTALL)
# An exception group is printed behind a rule; its members, further in, behind rules of their own.
_RULE = "  | "
_COMPILER_ERRORS = ("SyntaxError", "IndentationError", "TabError")


def parse_traceback(text: str) -> Trace | None:
    """The last traceback in `text` (what CPython printed on stderr); None if there is none.

    For users who have only the text. Text is forgeable and tells neither columns nor the class
    hierarchy, so grading itself never uses this: `bases` holds the printed name alone. Of an
    exception group, the group itself is read.
    """
    lines = text.splitlines()
    starts = [n for n, line in enumerate(lines) if _HEADER.match(line) and _RULE not in line]
    if starts:
        body = lines[starts[-1] + 1 :]
        if body and body[0].startswith(_RULE):
            body = [line.removeprefix(_RULE) for line in body if not line.startswith("  +-")]
        return _parse_body(body)
    # The compiler's own errors come without a header: a File line, then the error.
    first = next((n for n, line in enumerate(lines) if _FRAME.match(line)), None)
    return None if first is None else _parse_body(lines[first:])


def _parse_body(body: list[str]) -> Trace | None:
    frames: list[Frame] = []
    for number, line in enumerate(body):
        match = _FRAME.match(line)
        if match:
            function = match["function"] or "<module>"
            frames.append(Frame(file=match["file"], function=function, line=int(match["line"])))
        elif line and not line[0].isspace():
            return _finish(frames, body[number:])
    return None


def _finish(frames: list[Frame], rest: list[str]) -> Trace | None:
    blank = next((n for n, line in enumerate(rest) if not line.strip()), len(rest))
    match = _ERROR.match("\n".join(rest[:blank]))
    if match is None:
        return None
    name = match["type"].rpartition(".")[2]
    syntax = None
    if name in _COMPILER_ERRORS and frames:
        syntax = SyntaxDetail(file=frames[-1].file, line=frames[-1].line)
    return Trace(
        type_name=name,
        bases=(name,),
        message=match["message"] or "",
        frames=tuple(frames),
        syntax=syntax,
    )
