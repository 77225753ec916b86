"""EvalPlus: ``{"task_id", "prompt", "entry_point", "canonical_solution", "base_input",
"plus_input", "atol"}``. The answers are what the canonical solution returns."""

from __future__ import annotations

import math
from typing import Any

from codefeedback.problems import CallCase, Problem, Skipped

from ..fields import Node, show
from ..format import Format, Options, has_keys
from .mbpp_plus import retyped

#: Functions for which EvalPlus compares in a way of its own (`evalplus.eval`, v0.3.1).
_SPECIAL = {
    "find_zero": "any root of the polynomial is right",
    "are_equivalent": "any answer is right",
    "sum_div": "0 is also right",
    "surface_Area": "the slant height may be read in two ways",
    "digit_distance_nums": "two readings of the task are right",
    **dict.fromkeys(("check_str", "text_match_three", "text_starta_endb"), "None means no match"),
    **dict.fromkeys(
        (
            "similar_elements",
            "find_char_long",
            "common_in_nested_lists",
            "extract_singly",
            "larg_nnum",
            "intersection_array",
            "find_dissimilar",
            "Diff",
        ),
        "answers are compared as sets",
    ),
}


def detect(data: Any) -> bool:
    return has_keys(data, "base_input") or has_keys(data, "plus_input")


def load(node: Node, options: Options) -> Problem:
    prompt = node.need("prompt").text()
    entry_point = node.need("entry_point").entry_point()
    cases = _section(node, "base_input", "base", entry_point)
    cases += _section(node, "plus_input", "plus", entry_point)
    if not cases:
        raise node.error("no cases")
    skipped: tuple[Skipped, ...] = ()
    if entry_point in _SPECIAL:
        why = f"not supported ({_SPECIAL[entry_point]}): answers are compared with the reference's"
        skipped = (Skipped(what=f"EvalPlus's own oracle for {entry_point}", why=why),)
    return Problem(
        cases=tuple(cases),
        policy=_policy(node.member("atol")),
        prompt=prompt,
        reference=prompt + node.need("canonical_solution").text(),
        skipped=skipped,
        format="evalplus",
    )


def _section(node: Node, key: str, prefix: str, entry_point: str) -> list[CallCase]:
    section = node.member(key)
    # An empty set of inputs is an empty object in some releases.
    if section.value in (None, {}):
        return []
    task_id = node.optional_text("task_id")
    return [
        CallCase(name=f"{prefix} {number}", entry_point=entry_point, args=_arguments(task_id, item))
        for number, item in enumerate(section.items(), 1)
    ]


def _arguments(task_id: str, item: Node) -> tuple[Any, ...]:
    arguments = [argument.plain() for argument in item.items()]
    if not task_id.startswith("Mbpp/"):
        return tuple(arguments)
    try:
        return tuple(retyped(task_id, arguments))
    except (TypeError, ValueError, AttributeError, IndexError):
        raise item.error(f"not what EvalPlus writes for {show(task_id)}") from None


def _policy(atol: Node) -> str:
    tolerance = 0.0 if atol.value is None else float(atol.number())
    if not 0 <= tolerance < math.inf:
        raise atol.error(f"expected a tolerance of at least 0, got {show(atol.value)}")
    return f"evalplus:atol={tolerance!r}" if tolerance else "evalplus"


FORMAT = Format(name="evalplus", detect=detect, load=load)
