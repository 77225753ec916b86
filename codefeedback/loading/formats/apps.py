"""APPS: ``{"inputs": [...], "outputs": [...], "fn_name"?}``, and rows that hold it in a column.

Also the format of TACO and of others that took it over unchanged.
"""

from __future__ import annotations

from typing import Any

from codefeedback.errors import ProblemError
from codefeedback.problems import Problem

from ..calls import call_case, call_prelude, has_text_calls, in_outs
from ..fields import Node, parse_json
from ..format import Format, Options, has_keys


def detect(data: Any) -> bool:
    if has_keys(data, "input_output"):
        return not has_text_calls(column(data["input_output"]))
    # With "assert_case" it is verl's, and the inputs are only placeholders.
    return (
        has_keys(data, "inputs", "outputs")
        and not has_keys(data, "assert_case")
        and not has_text_calls(data)
    )


def load(node: Node, options: Options) -> Problem:
    data = node
    if has_keys(node.value, "input_output"):
        data = node.member("input_output")
        if isinstance(data.value, str) and data.value.strip():
            data = data.unpacked()
    cases = in_outs(data, call_case)
    return Problem(cases=cases, prelude=call_prelude(cases), format="apps")


def column(content: Any) -> Any:
    """The object in a column `input_output`, which may be JSON text; None if it is no JSON."""
    if not isinstance(content, str):
        return content
    try:
        return parse_json(content)
    except ProblemError:
        return None


FORMAT = Format(name="apps", detect=detect, load=load)
