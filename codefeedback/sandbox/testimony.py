"""Reads what the guest's processes said of themselves. They run hostile code: nothing is trusted.

A forged report can claim another value, place or exception, which gains nothing: values are
compared, places hurt only the program itself, and no report is a verdict.
"""

from __future__ import annotations

import json
from typing import Any

from codefeedback.guest import values
from codefeedback.guest.report import MAX_BYTES
from codefeedback.sandbox.interface import NO_VALUE
from codefeedback.spans import Source
from codefeedback.traces import Frame, SyntaxDetail, Trace

_MAX_NESTING = 20  # of causes and groups
_MAX_TEXT = 4000


def read(data: bytes) -> dict[str, Any]:
    """The report that a process left; empty when it left none."""
    if len(data) > MAX_BYTES:
        return {"phase": "overflow"}
    try:
        report = json.loads(data)
    except (ValueError, RecursionError):
        report = None
    if isinstance(report, dict):
        return report
    # Only a program that runs can have written what we did not.
    return {"phase": "run"} if data else {}


def value_of(report: dict[str, Any]) -> Any:
    """The value that a call returned; NO_VALUE without one."""
    if "value" not in report:
        return NO_VALUE
    try:
        return values.decode(report["value"])
    except ValueError:
        return NO_VALUE


def values_of(report: dict[str, Any]) -> tuple[Any, ...] | None:
    """The values that several calls returned; None where it does not say so."""
    try:
        told = report["values"]
        return tuple(values.decode(item) for item in told) if isinstance(told, list) else None
    except (KeyError, ValueError):
        return None


def text_of(report: dict[str, Any], key: str) -> str | None:
    value = report.get(key)
    return value[:_MAX_TEXT] if isinstance(value, str) else None


def trace_of(report: dict[str, Any], source: Source, file: str | None = None) -> Trace | None:
    """The exception in a report. Frames outside of `source`'s lines are dropped."""
    return _trace(report.get("exception"), source, file or source.name, 0)


def _trace(data: Any, source: Source, file: str, depth: int) -> Trace | None:
    if not isinstance(data, dict) or depth > _MAX_NESTING:
        return None
    bases = [base for base in _list(data.get("bases")) if isinstance(base, str)]
    frames = [_frame(item, source, file) for item in _list(data.get("frames"))]
    members = [_trace(item, source, file, depth + 1) for item in _list(data.get("members"))]
    return Trace(
        type_name=_text(data.get("type")) or "Exception",
        bases=tuple(bases),
        message=_text(data.get("message")),
        frames=tuple(frame for frame in frames if frame is not None),
        syntax=_syntax(data.get("syntax")),
        explicit=data.get("explicit") is True,
        cause=_trace(data.get("cause"), source, file, depth + 1),
        members=tuple(member for member in members if member is not None),
    )


def _frame(data: Any, source: Source, file: str) -> Frame | None:
    if not isinstance(data, dict):
        return None
    line = _number(data.get("line"))
    if line is None or not 1 <= line <= source.line_count:
        return None
    end_line = _number(data.get("end_line"))
    column, end_column = _number(data.get("column")), _number(data.get("end_column"))
    known = end_line is not None and line <= end_line <= source.line_count
    if not known or end_line is None or column is None or end_column is None:
        return Frame(file=file, function=_text(data.get("function")), line=line)
    return Frame(
        file=file,
        function=_text(data.get("function")),
        line=line,
        end_line=end_line,
        column=source.position(source.offset_of_utf8(line, column)).column,
        end_column=source.position(source.offset_of_utf8(end_line, end_column)).column,
    )


def _syntax(data: Any) -> SyntaxDetail | None:
    if not isinstance(data, dict):
        return None
    file = data.get("file")
    return SyntaxDetail(
        file=file if isinstance(file, str) else None,
        line=_number(data.get("line")),
        offset=_number(data.get("offset")),
        end_line=_number(data.get("end_line")),
        end_offset=_number(data.get("end_offset")),
        can_go_on=going if isinstance(going := data.get("can_go_on"), bool) else None,
    )


def _list(data: Any) -> list[Any]:
    return data[:1000] if isinstance(data, list) else []


def _text(data: Any) -> str:
    return data[:_MAX_TEXT] if isinstance(data, str) else ""


def _number(data: Any) -> int | None:
    return data if type(data) is int and abs(data) < 2**31 else None
