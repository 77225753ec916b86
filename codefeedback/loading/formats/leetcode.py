"""LeetCode rows with asserts: ``{"setup_code", "func_name", "gt_answer": ["assert ..."]}``."""

from __future__ import annotations

from typing import Any

from codefeedback.problems import CheckCase, Problem, Skipped

from ..fields import Node
from ..format import Format, Options, has_keys


def detect(data: Any) -> bool:
    return has_keys(data, "gt_answer") and (
        has_keys(data, "setup_code") or has_keys(data, "func_name")
    )


def load(node: Node, options: Options) -> Problem:
    setup = node.optional_text("setup_code")
    solution = node.optional_text("canonical_solution")
    tests = node.need("gt_answer")
    cases = tuple(
        CheckCase(name=f"case {number}", test=item.text(), setup=setup)
        for number, item in enumerate(tests.items(), 1)
    )
    if not cases:
        raise tests.error("no cases")
    skipped: tuple[Skipped, ...] = ()
    if node.member("answer").value not in (None, tests.value):
        skipped = (Skipped(what="answer", why="gt_answer is what is graded"),)
    # A solution uses names such as List and inf that only the set-up code imports.
    before = setup.rstrip("\n") + "\n\n" if setup else ""
    return Problem(
        cases=cases,
        prelude=setup,
        reference=before + solution if solution else None,
        skipped=skipped,
        format="leetcode",
    )


FORMAT = Format(name="leetcode", detect=detect, load=load)
