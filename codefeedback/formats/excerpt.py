"""A program's text as a terminal can show it: numbered lines, with carets under the spans.

Text from outside is never trusted with the terminal: control characters and what reorders text
become visible signs (`visible`), and everything is measured in terminal cells, not characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from codefeedback.spans import CharSpan, Source

#: Programs up to this many lines are shown whole.
WHOLE_LINES = 40
#: Lines shown around a span of a longer program.
CONTEXT_LINES = 2
# Of a longer span only the first and the last lines are shown.
_SPAN_LINES = 6
_TAB = 4
_ELLIPSIS = "…"
# Joiners shape emoji and some scripts; they neither move the cursor nor reorder text.
_HARMLESS = {"\u200c", "\u200d"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A span to underline, and what to write behind its carets."""

    span: CharSpan
    label: str = ""


def visible(text: str) -> str:
    """`text` with a visible sign for each character that would steer the terminal."""
    return text if text.isascii() and text.isprintable() else "".join(map(_sign, text))


def _sign(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    if category in ("Cc", "Cf", "Zl", "Zp") and character not in _HARMLESS:
        return f"<U+{code:04X}>"
    return character


def clip(text: str, room: int) -> str:
    """`text` made visible, cut to `room` cells with an ellipsis."""
    shown = visible(text[: room + 1])
    if len(text) <= room and cell_len(shown) <= room:
        return shown
    kept = ""
    for character in shown:
        if cell_len(kept + character) > room - 1:
            break
        kept += character
    return kept.rstrip() + _ELLIPSIS


def excerpt(source: Source, marks: Sequence[Mark], *, width: int, whole: bool) -> Iterator[Text]:
    """The lines that `marks` touch with their context (or all lines), each under its number.

    `width` is in cells and includes the margin.
    """
    last = max([source.line_count, *(_last_line(mark.span) for mark in marks)])
    wanted = range(1, last + 1) if whole else sorted(_wanted(marks, last))
    digits = len(str(last))
    previous = 0
    for line in wanted:
        if line != previous + 1 and previous:
            yield Text(f"  {'':{digits}} {_ELLIPSIS}", style="dim")
        previous = line
        yield from _numbered(source, line, marks, digits, width)


def _wanted(marks: Iterable[Mark], last: int) -> set[int]:
    lines: set[int] = set()
    for mark in marks:
        first, final = mark.span.start_line, _last_line(mark.span)
        touched = range(first, final + 1)
        ends = (first, final) if len(touched) > _SPAN_LINES else touched
        for line in ends:
            lines.update(range(max(1, line - CONTEXT_LINES), min(last, line + CONTEXT_LINES) + 1))
    return lines


def _numbered(
    source: Source, line: int, marks: Sequence[Mark], digits: int, width: int
) -> Iterator[Text]:
    """One line of the program, and a line of carets for each mark that starts or ends in it."""
    touching = [mark for mark in marks if mark.span.start_line <= line <= _last_line(mark.span)]
    room = width - digits - 5
    text = source.line_text(line)
    parts = [(mark, *_columns(mark.span, line, text)) for mark in touching]
    focus = (parts[0][1], parts[0][2]) if parts else (0, 0)
    shown = _Line(text, focus, room)
    row = Text().append("> " if touching else "  ", style="bold red")
    row.append(f"{line:{digits}} | ", style="dim")
    row.append(shown.text)
    row.rstrip()
    yield row
    for mark, start, end in parts:
        final = line == _last_line(mark.span)
        if final or line == mark.span.start_line:
            row = Text().append(f"  {'':{digits}} | ", style="dim")
            label = mark.label if final else ""
            yield row.append_text(_carets(*shown.cells(start, end), label, room))


def _carets(start: int, end: int, label: str, room: int) -> Text:
    """Carets under the cells [start, end), with a label beside them."""
    carets = "^" * max(1, end - start)
    if start + len(carets) + 1 + cell_len(label) > room and cell_len(label) < start:
        # At the right edge the label stands before its carets.
        padding = " " * (start - cell_len(label) - 1)
        return Text(f"{padding}{label} {carets}", style="bold red")
    carets = carets[: max(1, room - start - 1 - cell_len(label))]  # the label matters more
    return Text(" " * start + f"{carets} {label}".rstrip(), style="bold red")


def _last_line(span: CharSpan) -> int:
    """The last line that has a part of `span`, which may end behind that line's end."""
    return span.end_line - (span.end_column == 0 and span.end_line > span.start_line)


def _columns(span: CharSpan, line: int, text: str) -> tuple[int, int]:
    """The part of `span` in `line`, as columns, without the indentation that it may cover."""
    start = span.start_column if line == span.start_line else 0
    end = span.end_column if line == span.end_line else len(text.rstrip())
    start, end = min(start, len(text)), min(end, len(text))
    indent = len(text) - len(text.lstrip())
    return (max(start, indent) if indent < end else start, max(start, end))


class _Line:
    """One line of a program in at most `room` cells, cut so that a focus stays visible."""

    def __init__(self, text: str, focus: tuple[int, int], room: int) -> None:
        # Nothing farther from the focus than this can be shown, however long the line is.
        self._base = max(0, focus[0] - 2 * room)
        near = text[self._base : focus[0] + 2 * room]
        self._signs = list(_signs(near))
        widths = [cell_len(sign) for sign in self._signs]
        cut_left, cut_right = self._base > 0, len(text) > self._base + len(near)
        self._first, self._last = 0, len(near)
        if cut_left or cut_right or sum(widths) > room:
            start = focus[0] - self._base
            span = min(sum(widths[start : focus[1] - self._base]), room // 2)
            self._first = _reach_left(widths, start, (room - span) // 2)
            if not cut_right and sum(widths[self._first :]) < room - 2:
                # The line's end is near: show more of what stands before.
                self._first = _reach_left(widths, len(widths), room - 2)
            self._last = _reach_right(widths, self._first, room - 2)
            cut_left |= self._first > 0
            cut_right |= self._last < len(near)
        self._left = _ELLIPSIS if cut_left else ""
        body = "".join(self._signs[self._first : self._last])
        self.text = self._left + body + (_ELLIPSIS if cut_right else "")

    def cells(self, start: int, end: int) -> tuple[int, int]:
        """Where the columns [start, end) stand, in cells from the left edge."""
        return (self._cell(start), self._cell(end))

    def _cell(self, column: int) -> int:
        index = min(max(column - self._base, self._first), self._last)
        return cell_len(self._left + "".join(self._signs[self._first : index]))


def _signs(text: str) -> Iterator[str]:
    """What is shown for each character; tabs reach to the next tab stop."""
    column = 0
    for character in text:
        sign = " " * (_TAB - column % _TAB) if character == "\t" else _sign(character)
        column += cell_len(sign)
        yield sign


def _reach_left(widths: Sequence[int], index: int, room: int) -> int:
    """The first index from which no more than `room` cells lead up to `index`."""
    while index > 0 and widths[index - 1] <= room:
        index -= 1
        room -= widths[index]
    return index


def _reach_right(widths: Sequence[int], index: int, room: int) -> int:
    while index < len(widths) and widths[index] <= room:
        room -= widths[index]
        index += 1
    return index
