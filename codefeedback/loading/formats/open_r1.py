"""open-r1 and PrimeIntellect: a column ``verification_info``, or what it holds.

Either ``{"language", "test_cases": [{"input", "output", "type", "fn_name"?}]}`` or
``{"fn_name"?, "test_case_inputs", "test_case_outputs", "timeout"?}``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from codefeedback.problems import Case, Problem

from ..calls import call_case, call_prelude, pairs, stdin_case, text_call_case
from ..fields import Node, show
from ..format import Format, Options, has_keys, is_python
from ..limits import time_limits

_STDIN_TYPES = ("stdin_stdout", "stdin", "")
_text_call = partial(text_call_case, wrapped=True)


def detect(data: Any) -> bool:
    return (
        has_keys(data, "verification_info")
        or has_keys(data, "test_cases")
        or has_keys(data, "test_case_inputs", "test_case_outputs")
    )


def load(node: Node, options: Options) -> Problem:
    info = node
    if has_keys(node.value, "verification_info"):
        info = node.member("verification_info").unpacked()
    language = info.optional_text("language")
    if not is_python(language):
        raise info.member("language").error(f"only Python is supported, got {show(language)}")
    if has_keys(info.value, "test_case_inputs"):
        cases = _columns(info)
    else:
        tests = info.need("test_cases").unpacked()
        common = info.first("fn_name")
        cases = [_case(number, item, common) for number, item in enumerate(tests.items(), 1)]
    if not cases:
        raise info.error("no cases")
    timeout = info.member("timeout")
    limits = {} if timeout.value is None else time_limits(timeout.number())
    return Problem(cases=tuple(cases), prelude=call_prelude(cases), limits=limits, format="open-r1")


def _case(number: int, item: Node, common: Node | None) -> Case:
    kind = item.optional_text("type")
    function = item.first("fn_name") or common
    named = function if function and function.value else None
    given, answer = item.need("input"), item.need("output")
    if kind in _STDIN_TYPES and (kind or not named):
        return stdin_case(f"case {number}", given, answer)
    if not named:
        raise item.error(f"a test of type {show(kind)}, but no fn_name says what to call")
    return _call(f"case {number}", named.entry_point(), given, answer)


def _columns(info: Node) -> list[Case]:
    function = info.first("fn_name")
    named = function if function and function.value else None
    found = pairs(
        info.need("test_case_inputs").unpacked(), info.need("test_case_outputs").unpacked()
    )
    return [
        _call(f"case {number}", named.entry_point(), given, answer)
        if named
        else stdin_case(f"case {number}", given, answer)
        for number, (given, answer) in enumerate(found, 1)
    ]


def _call(name: str, entry_point: str, given: Node, answer: Node) -> Case:
    """A call with its arguments as an array, or as JSON text, one a line."""
    make = _text_call if isinstance(given.value, str) else call_case
    return make(name, entry_point, given, answer)


FORMAT = Format(name="open-r1", detect=detect, load=load)
