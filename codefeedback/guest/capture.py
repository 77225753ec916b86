"""An exception as plain data, taken from the exception object itself.

Everything here runs beside code that may be hostile: classes are read with `type`'s own methods,
and the one thing that must run candidate code, ``str(exception)``, is fenced.
"""

from __future__ import annotations

import opcode
import types
from typing import Any, Dict, List, Optional, Set

from . import values

MAX_MESSAGE = 2000
MAX_FRAMES = 100  # of a deep recursion the outermost and the innermost half are kept
MAX_RELATED = 16  # causes, and members of a group

_traceback_of = BaseException.__dict__["__traceback__"].__get__
_cause_of = BaseException.__dict__["__cause__"].__get__
_context_of = BaseException.__dict__["__context__"].__get__
_hides_context = BaseException.__dict__["__suppress_context__"].__get__
_RAISE = opcode.opmap["RAISE_VARARGS"]


class Capture:
    """Describes exceptions of one compiled program."""

    def __init__(self, code: Optional[types.CodeType] = None) -> None:
        self._code = code
        self._known: Set[int] = set()

    def _learn(self, code: types.CodeType) -> None:
        # Identity, not the file name: a program can compile other text under its own name.
        self._known.add(id(code))
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._learn(constant)

    def describe(self, error: BaseException, called: Any = None) -> Dict[str, Any]:
        """The exception as JSON values; the grader reads it as `codefeedback.traces.Trace`.

        `called` is what was called from outside: arguments that it does not take are told of where
        it is defined.
        """
        try:
            if self._code is not None and not self._known:
                self._learn(self._code)
            data = self._describe(error, set())
            if type(error) is TypeError and not data["frames"]:
                data["frames"] = self._definition(called)
            return data
        except BaseException:  # no memory, no stack, or a class that fights
            return {"type": values.type_name(type(error)), "bases": _bases(type(error))}

    def _describe(self, error: BaseException, seen: Set[int]) -> Dict[str, Any]:
        seen.add(id(error))
        kind = type(error)
        entries = self._entries(_traceback_of(error))
        data: Dict[str, Any] = {
            "type": values.type_name(kind),
            "bases": _bases(kind),
            "message": _message(error),
            "frames": [_frame(entry) for entry in _ends(entries)],
            "explicit": bool(entries) and _is_explicit_raise(entries[-1]),
        }
        if issubclass(kind, SyntaxError):
            data["syntax"] = _syntax(error)
            text = _of_syntax_error(error, "msg")
            if type(text) is str:  # str(error) adds the place
                data["message"] = text[:MAX_MESSAGE]
        cause = _cause_of(error)
        if cause is None and not _hides_context(error):
            cause = _context_of(error)
        if cause is not None and id(cause) not in seen and len(seen) < MAX_RELATED:
            data["cause"] = self._describe(cause, seen)
        if "BaseExceptionGroup" in data["bases"]:
            data["members"] = self._members(error, seen)
        return data

    def _definition(self, called: Any) -> List[Dict[str, Any]]:
        """A frame for the line on which a function of the program is defined."""
        if type(called) is types.MethodType:
            called = called.__func__
        if type(called) is not types.FunctionType or id(called.__code__) not in self._known:
            return []
        code = called.__code__
        return [{"function": code.co_name, "line": code.co_firstlineno}]

    def _members(self, group: Any, seen: Set[int]) -> List[Dict[str, Any]]:
        members = []
        for member in BaseExceptionGroup.exceptions.__get__(group):
            if id(member) not in seen and len(seen) < MAX_RELATED:
                members.append(self._describe(member, seen))
        return members

    def _entries(self, tb: Optional[types.TracebackType]) -> List[types.TracebackType]:
        entries = []
        while tb is not None:
            if id(tb.tb_frame.f_code) in self._known:
                entries.append(tb)
            tb = tb.tb_next
        return entries


def _ends(entries: List[types.TracebackType]) -> List[types.TracebackType]:
    if len(entries) <= MAX_FRAMES:
        return entries
    half = MAX_FRAMES // 2
    return entries[:half] + entries[-half:]


def _bases(kind: type) -> List[str]:
    """The built-in classes that the exception is an instance of, nearest first."""
    import builtins

    return [
        values.type_name(base)
        for base in values.base_classes(kind)
        if getattr(builtins, values.type_name(base), None) is base and base is not object
    ]


def _message(error: BaseException) -> str:
    try:
        return str.__str__(str(error))[:MAX_MESSAGE]
    except BaseException:
        # As CPython words it. The program's own code failed here, whatever it raised.
        return "<exception str() failed>"


def _frame(entry: types.TracebackType) -> Dict[str, Any]:
    code = entry.tb_frame.f_code
    frame = {"function": code.co_name, "line": entry.tb_lineno}
    positions = getattr(code, "co_positions", None)  # CPython 3.11
    if positions is not None and entry.tb_lasti >= 0:
        for index, place in enumerate(positions()):
            if index == entry.tb_lasti // 2:
                if None not in place and place[0] == entry.tb_lineno:
                    _, frame["end_line"], frame["column"], frame["end_column"] = place
                break
    return frame


def _is_explicit_raise(entry: types.TracebackType) -> bool:
    """Whether the frame stands at ``raise EXPRESSION``: what tells a program's own ``raise
    MemoryError`` from memory that ran out."""
    code, at = entry.tb_frame.f_code.co_code, entry.tb_lasti
    return 0 <= at < len(code) - 1 and code[at] == _RAISE and code[at + 1] >= 1


def _of_syntax_error(error: BaseException, name: str) -> Any:
    """An attribute that CPython keeps, past what a subclass makes of it."""
    attribute = SyntaxError.__dict__.get(name)
    return None if attribute is None else attribute.__get__(error)


def _syntax(error: BaseException) -> Dict[str, Any]:
    # Instances may be made by hand, with anything in these attributes.
    places = ("lineno", "offset", "end_lineno", "end_offset")  # the ends since CPython 3.10
    numbers = [_of_syntax_error(error, name) for name in places]
    line, offset, end_line, end_offset = (
        number if type(number) is int else None for number in numbers
    )
    file = _of_syntax_error(error, "filename")
    return {
        "line": line,
        "offset": offset,
        "end_line": end_line,
        "end_offset": end_offset,
        "file": file if type(file) is str else None,
    }
