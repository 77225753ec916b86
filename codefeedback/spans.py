"""Positions in a program's text. The only place that does offset arithmetic.

Units: offsets and columns count Unicode code points of the text; lines are 1-based, columns
0-based; spans are half-open. Interpreters report columns in other units (UTF-8 bytes, or 1-based
code points); `Source` translates them. Lines end where Python's tokenizer ends them (``\\n``,
``\\r\\n``, ``\\r``), so form feeds and U+2028 do not end one, unlike in `str.splitlines`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_LINE_END = re.compile(r"\r\n|\n|\r")
# PEP 263: a coding cookie stands in a comment on one of the first two lines.
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK = re.compile(rb"^[ \t\f]*(?:#.*)?$")
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Position:
    """A place in a text: line (1-based) and column (0-based, code points)."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class CharSpan:
    """Code points [start, end) of a text, with both ends as positions."""

    start: int
    end: int
    start_line: int
    start_column: int
    end_line: int
    end_column: int

    def to_dict(self) -> dict[str, int]:
        return {
            "start": self.start,
            "end": self.end,
            "start_line": self.start_line,
            "start_column": self.start_column,
            "end_line": self.end_line,
            "end_column": self.end_column,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CharSpan:
        return cls(**{name: int(data[name]) for name in cls.__slots__})


class Source:
    """A program: its bytes as they will run, its text as spans count it, and its name."""

    def __init__(self, program: str | bytes, name: str = "solution.py") -> None:
        if isinstance(program, str):
            self.text = program
            # Lone surrogates cannot be UTF-8; the interpreter shall reject them, not we.
            self.data = program.encode("utf-8", "surrogatepass")
            # A cookie speaks of bytes. In a text that is already decoded it must not be obeyed.
            self.ignore_cookie = _encoding_of(self.data) not in ("utf-8", "utf8")
        else:
            self.data = _as_bytes(program)
            self.text = _decode(self.data)
            self.ignore_cookie = False
        if (
            not isinstance(name, str)
            or not name
            or name in (".", "..")
            or "/" in name
            or "\0" in name
        ):
            raise ValueError(f"a program's name must be a plain file name, got {name!r}")
        self.name = name

    def __repr__(self) -> str:
        return f"Source({self.name!r}, {len(self.text)} characters)"

    @cached_property
    def _lines(self) -> tuple[tuple[int, int], ...]:
        """(start, end without the line end) of every line; at least one line."""
        lines, start = [], 0
        for match in _LINE_END.finditer(self.text):
            lines.append((start, match.start()))
            start = match.end()
        lines.append((start, len(self.text)))
        return tuple(lines)

    @cached_property
    def _starts(self) -> list[int]:
        return [start for start, _ in self._lines]

    @property
    def line_count(self) -> int:
        """Lines, not counting the empty one behind a final line end."""
        last = self._lines[-1]
        return len(self._lines) - (last[0] == last[1] and len(self._lines) > 1)

    def line_text(self, line: int) -> str:
        """The text of `line` (1-based) without its line end. IndexError if there is none."""
        start, end = self._bounds(line)
        return self.text[start:end]

    def _bounds(self, line: int) -> tuple[int, int]:
        if not 1 <= line <= len(self._lines):
            raise IndexError(f"line {line} of a text of {len(self._lines)} lines")
        return self._lines[line - 1]

    def position(self, offset: int) -> Position:
        """The position of a code point offset, 0 <= offset <= len(text)."""
        if not 0 <= offset <= len(self.text):
            raise IndexError(f"offset {offset} in a text of {len(self.text)} characters")
        line = bisect_right(self._starts, offset)
        column = offset - self._starts[line - 1] - self._bom_at(line)
        return Position(line=line, column=max(column, 0))

    def span(self, start: int, end: int) -> CharSpan:
        """The span [start, end), with its positions."""
        if end < start:
            raise ValueError(f"a span cannot end ({end}) before it starts ({start})")
        first, last = self.position(start), self.position(end)
        return CharSpan(
            start=start,
            end=end,
            start_line=first.line,
            start_column=first.column,
            end_line=last.line,
            end_column=last.column,
        )

    def line_span(self, line: int) -> CharSpan:
        """The whole of `line` without its line end."""
        return self.span(*self._bounds(line))

    def whole_span(self) -> CharSpan:
        return self.span(0, len(self.text))

    def offset_of_column(self, line: int, column: int) -> int:
        """The offset of a column in code points; columns beyond the line mean its end."""
        start, end = self._bounds(line)
        return min(start + self._bom_at(line) + max(column, 0), end)

    def offset_of_utf8(self, line: int, column: int) -> int:
        """The offset of a column that the interpreter counted in UTF-8 bytes.

        Columns beyond the line mean its end; one inside a character means that character's start.
        """
        start, end = self._bounds(line)
        start += self._bom_at(line)
        encoded = self.text[start:end].encode("utf-8", "surrogatepass")[: max(column, 0)]
        while encoded:
            try:
                return start + len(encoded.decode("utf-8", "surrogatepass"))
            except UnicodeDecodeError:
                encoded = encoded[:-1]
        return start

    def _bom_at(self, line: int) -> int:
        """1 on the first line of a text that starts with a byte order mark: it has no column."""
        return int(line == 1 and self.text.startswith(_BOM))


def _as_bytes(program: object) -> bytes:
    # `bytes` would make something of a number, and of a list of numbers.
    if isinstance(program, (bytes, bytearray, memoryview)):
        return bytes(program)
    raise TypeError(f"a program must be a text or bytes, got {type(program).__name__}")


def _encoding_of(data: bytes) -> str:
    for line in data.split(b"\n", 2)[:2]:
        match = _COOKIE.match(line)
        if match:
            return match.group(1).decode("ascii", "replace").lower().replace("_", "-")
        if not _BLANK.match(line.rstrip(b"\r")):
            break
    return "utf-8"


def _decode(data: bytes) -> str:
    """The text of a program file; each byte that its encoding does not know becomes U+FFFD."""
    encoding = _encoding_of(data)
    try:
        text = data.decode(encoding, "surrogateescape")
    except (LookupError, UnicodeError, ValueError):
        text = data.decode("utf-8", "surrogateescape")
    return re.sub("[\udc80-\udcff]", "\ufffd", text)
