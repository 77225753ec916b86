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
    """Where the compiler stumbled: `line` is 1-based, `offset` is CPython's own 1-based column.

    Both are None when the compiler names no place.
    """

    file: str | None = None
    line: int | None = None
    offset: int | None = None


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


_HEADER = "Traceback (most recent call last):"
_FRAME = re.compile(r'^\s*File "(?P<file>[^"]*)", line (?P<line>\d+)(?:, in (?P<function>.*))?$')
_CARETS = re.compile(r"^\s*[~^]+\s*$")
_ERROR = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?$", re.DOTALL)
_GUTTER = re.compile(r"^\s*[|+]([ -]|$)")


def parse_traceback(text: str) -> Trace | None:
    """The last traceback in `text` (what CPython printed on stderr); None if there is none.

    For users who have only the text. Text is forgeable and has no class hierarchy, so grading
    itself never uses this: `bases` holds the printed name alone.
    """
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.strip() == _HEADER]
    if starts:
        # A group's members are printed, indented, behind the group itself, which stands first.
        outermost = [n for n in starts if not _GUTTER.match(lines[n])] or starts
        body = lines[outermost[-1] + 1 :]
    else:
        # The compiler's own errors come without a header: a File line, then the error.
        first = next((n for n, line in enumerate(lines) if _FRAME.match(line)), None)
        if first is None:
            return None
        body = lines[first:]
    return _parse_body(body)


def _parse_body(body: list[str]) -> Trace | None:
    frames: list[Frame] = []
    for number, line in enumerate(body):
        match = _FRAME.match(line)
        if match:
            frames.append(_frame(match))
        elif line[:1].isspace() or not line:
            if frames and _CARETS.match(line):
                frames[-1] = _with_carets(frames[-1], body[number - 1], line)
        else:
            return _finish(frames, body[number:])
    return None


def _frame(match: re.Match[str]) -> Frame:
    return Frame(
        file=match["file"], function=match["function"] or "<module>", line=int(match["line"])
    )


def _with_carets(frame: Frame, code: str, carets: str) -> Frame:
    """CPython strips the code's indentation and indents it anew, so columns count from there."""
    if frame.function == "" or _FRAME.match(code):
        return frame
    indent = len(code) - len(code.lstrip())
    start = len(carets) - len(carets.lstrip()) - indent
    end = len(carets.rstrip()) - indent
    if start < 0:
        return frame
    # Relative to the first printed character: the text alone does not tell the real indentation.
    return Frame(
        file=frame.file,
        function=frame.function,
        line=frame.line,
        end_line=frame.line,
        column=start,
        end_column=end,
    )


def _finish(frames: list[Frame], rest: list[str]) -> Trace | None:
    message_lines = [rest[0]]
    for line in rest[1:]:
        if not line.strip():
            break
        message_lines.append(line)
    match = _ERROR.match("\n".join(message_lines))
    if match is None:
        return None
    name = match["type"].rpartition(".")[2]
    syntax = None
    if name in ("SyntaxError", "IndentationError", "TabError") and frames:
        last = frames[-1]
        syntax = SyntaxDetail(
            file=last.file,
            line=last.line,
            offset=None if last.column is None else last.column + 1,
        )
    return Trace(
        type_name=name,
        bases=(name,),
        message=match["message"] or "",
        frames=tuple(frames),
        syntax=syntax,
    )
