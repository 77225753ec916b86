"""LiveCodeBench: rows with public and private tests, and what its evaluation makes of them.

- ``{"public_test_cases", "private_test_cases", "metadata"}``: JSON text, or base64 of zlib of JSON
  or of a pickled string
- a bare list of ``{"input", "output", "testtype"}``
- ``{"input_output": ...}`` with arguments as JSON text (stdin tests there are APPS' own format)
- SandboxFusion's rows, whose ``test`` is a packed ``{"input_output": ...}``
"""

from __future__ import annotations

from functools import partial
from typing import Any

from codefeedback.problems import Case, Problem, Skipped

from ..calls import call_prelude, has_text_calls, in_outs, stdin_case, text_call_case
from ..fields import Node, show
from ..format import Format, Options, has_keys
from ..packed import PickleRefusedError, looks_packed, unpacked
from .apps import column

_WHY_PICKLED = (
    "they are pickled; allow that with --allow-pickle (allow_pickle=True): "
    "only strings are then read, and nothing is executed"
)
_SECTIONS = (("public_test_cases", "public"), ("private_test_cases", "private"))
_call = partial(text_call_case, wrapped=False)


def detect(data: Any) -> bool:
    if isinstance(data, list):
        return bool(data) and all(has_keys(item, "input", "output", "testtype") for item in data)
    if has_keys(data, "input_output"):
        return has_text_calls(column(data["input_output"]))
    if any(has_keys(data, key) for key, _ in _SECTIONS):
        return True
    return has_keys(data, "test") and looks_packed(data["test"])


def load(node: Node, options: Options) -> Problem:
    if isinstance(node.value, list):
        cases = typed_cases(node, "case", None)
    elif has_keys(node.value, "input_output"):
        cases = in_outs(node.member("input_output").unpacked(), _call)
    elif has_keys(node.value, "test"):
        cases = _packed_cases(node.member("test"), options)
    else:
        return _row(node, options)
    return Problem(cases=cases, prelude=call_prelude(cases), format="livecodebench")


def _row(node: Node, options: Options) -> Problem:
    metadata = node.member("metadata")
    function = None
    if metadata.value not in (None, ""):
        function = metadata.unpacked().first("func_name")
    cases: list[Case] = []
    skipped: list[Skipped] = []
    for key, prefix in _SECTIONS:
        section = node.member(key)
        if section.value in (None, "", "[]"):
            continue
        try:
            cases += typed_cases(_section(section, options), prefix, function)
        except PickleRefusedError:
            skipped.append(Skipped(what=key, why=_WHY_PICKLED))
    if not cases:
        refused = node.member(skipped[0].what) if skipped else node
        raise refused.error(f"no cases: {_WHY_PICKLED}" if skipped else "no cases")
    return Problem(
        cases=tuple(cases),
        prelude=call_prelude(cases),
        skipped=tuple(skipped),
        format="livecodebench",
    )


def _section(section: Node, options: Options) -> Node:
    text = section.value
    if isinstance(text, str) and text.lstrip()[:1] not in ("[", "{"):
        section = unpacked(section, options)
    return section.unpacked()


def _packed_cases(test: Node, options: Options) -> tuple[Case, ...]:
    try:
        content = unpacked(test, options)
    except PickleRefusedError:
        raise test.error(f"no cases: {_WHY_PICKLED}") from None
    if isinstance(content.value, list):
        return typed_cases(content, "case", None)
    if has_keys(content.value, "input_output"):
        content = content.member("input_output").unpacked()
    return in_outs(content, _call)


def typed_cases(node: Node, prefix: str, function: Node | None) -> tuple[Case, ...]:
    """The cases of a list of ``{"input", "output", "testtype"?, "metadata"?}``.

    `function` holds the name for functional tests; a test's own metadata may name another.
    """
    cases: list[Case] = []
    for number, item in enumerate(node.items(), 1):
        name = f"{prefix} {number}"
        given, answer = item.need("input"), item.need("output")
        kind = item.optional_text("testtype") or "stdin"
        if kind == "stdin":
            cases.append(stdin_case(name, given, answer))
            continue
        if kind != "functional":
            raise item.member("testtype").error(
                f'expected "stdin" or "functional", got {show(kind)}'
            )
        own = item.member("metadata")
        found = function if own.value is None else own.unpacked().first("func_name")
        if found is None:
            raise item.error("a functional test, but no metadata.func_name says what to call")
        cases.append(_call(name, found.entry_point(), given, answer))
    if not cases:
        raise node.error("no cases")
    return tuple(cases)


FORMAT = Format(name="livecodebench", detect=detect, load=load)
