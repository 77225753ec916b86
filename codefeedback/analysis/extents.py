"""How much of the text around a place is blamed: the expression, line, statement or block.

The paper blames the line (arXiv 2307.04349, section 3.2), and so do we by default.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from codefeedback.analysis.inspecting import Inspection, Statement
from codefeedback.errors import UsageError
from codefeedback.spans import CharSpan, Source
from codefeedback.traces import Frame, SyntaxDetail

#: From narrow to wide.
GRANULARITIES = ("expression", "line", "statement", "block")


def checked_granularity(name: str) -> str:
    """Raises UsageError for a granularity that there is not."""
    if name not in GRANULARITIES:
        raise UsageError(f"granularity: expected {', '.join(GRANULARITIES)}, got {name!r}")
    return name


class Extents:
    """Widens places in a program to one granularity.

    `inspect` finds the program's statements, and is asked only when they are needed. Where the
    wanted extent cannot be known (no columns, a text that does not parse) it is the line.
    """

    def __init__(self, source: Source, granularity: str, inspect: Callable[[], Inspection]) -> None:
        self._source = source
        self._granularity = granularity
        self._inspect = inspect

    def of_line(self, line: int) -> CharSpan:
        """Around a line of which no more is known."""
        whole = self._source.line_span(line)
        if self._granularity in ("expression", "line"):
            return whole
        indent = len(self._source.line_text(line)) - len(self._source.line_text(line).lstrip())
        start = whole.start + indent
        begun = [
            statement
            for statement in self._inspect().statements
            if statement.own.start_line == line
        ]
        if len(begun) < 2:
            return self._around(start, start, whole)
        if self._granularity == "block" and (begun[0].clause is not None or _is_clause(begun[0])):
            return _block(begun[0], self._inspect().statements)
        return self._source.span(begun[0].own.start, max(each.own.end for each in begun))

    def of_frame(self, frame: Frame) -> CharSpan:
        """Around the place where a frame stood."""
        line = self._source.line_span(frame.line)
        place = self._place_of(frame)
        if place is None:
            return self.of_line(frame.line)
        return self._around(place.start, place.end, line)

    def of_compiler(self, line: int, detail: SyntaxDetail | None) -> CharSpan:
        """Around the place where the compiler stumbled, which is on `line`."""
        whole = self._source.line_span(line)
        if detail is None or detail.line != line or not detail.offset or detail.offset < 1:
            return self.of_line(line)
        start = self._source.offset_of_column(line, detail.offset - 1)
        end = self._end_of(detail, whole.end)
        if not start < end or not self._source.text[start:end].strip():
            return self.of_line(line)
        return self._around(start, end, whole)

    def of_place(self, place: CharSpan, whole: bool) -> CharSpan:
        """Around a place that was found in the text; without `whole` only its start is known."""
        if self._granularity == "line":
            last = max(place.start_line, place.end_line if whole else 0)
            start = self._source.line_span(place.start_line).start
            return self._source.span(start, self._source.line_span(last).end)
        line = self._source.line_span(place.start_line)
        if not whole or place.start == place.end:
            return self._around(place.start, place.start, line)
        statement = _statement_at(self._inspect().statements, place.start, place.end)
        if self._granularity != "block" and statement and statement.own.end < place.end:
            return place  # several statements
        return self._around(place.start, place.end, line)

    def _around(self, start: int, end: int, line: CharSpan) -> CharSpan:
        """Around [start, end), which begins on `line`; if empty, only a point is known."""
        if self._granularity == "line":
            return line
        if self._granularity == "expression" and start < end <= line.end:
            return self._source.span(start, end)
        if self._granularity == "expression" and start == end:
            return line
        statements = self._inspect().statements
        statement = _statement_at(statements, start, end)
        if statement is None:
            return line
        if self._granularity == "expression":
            # Before CPython 3.12 a loop's header is reported with its body.
            end = min(end, statement.own.end)
            return self._source.span(start, end) if start < end else line
        return statement.own if self._granularity == "statement" else _block(statement, statements)

    def _place_of(self, frame: Frame) -> CharSpan | None:
        if frame.end_line is None or frame.column is None or frame.end_column is None:
            return None
        start = self._source.offset_of_column(frame.line, frame.column)
        end = self._source.offset_of_column(frame.end_line, frame.end_column)
        return self._source.span(start, end) if start < end else None

    def _end_of(self, detail: SyntaxDetail, line_end: int) -> int:
        """Where CPython says that the place ends; else the end of the line."""
        end_line, end_offset = detail.end_line, detail.end_offset
        if end_line is None or end_offset is None or end_offset < 1:
            return line_end
        if not (detail.line or 0) <= end_line <= self._source.line_count:
            return line_end
        if end_line == detail.line and end_offset <= (detail.offset or 0):
            return line_end
        return self._source.offset_of_column(end_line, end_offset - 1)


def _statement_at(statements: Sequence[Statement], start: int, end: int) -> Statement | None:
    """The innermost statement that says what stands at [start, end)."""
    found = None
    for statement in statements:
        if (
            statement.own.start < max(end, start + 1)
            and start < statement.own.end
            and (found is None or statement.own.start <= start)
        ):
            found = statement
    return found


def _block(statement: Statement, statements: Sequence[Statement]) -> CharSpan:
    """The clause that a statement heads or, for a simple one, stands in; else itself."""
    if _is_clause(statement) or statement.clause is None:
        return statement.whole
    return statements[statement.clause].whole


def _is_clause(statement: Statement) -> bool:
    return statement.own != statement.whole
