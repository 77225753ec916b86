"""MBPP: ``{"task_id", "text" | "prompt", "code", "test_list", "test_setup_code"}``.

The sanitized variant has ``test_imports`` in place of ``test_setup_code``.
"""

from __future__ import annotations

from typing import Any

from codefeedback.problems import CheckCase, Problem, Skipped

from ..fields import Node
from ..format import Format, Options, has_keys


def detect(data: Any) -> bool:
    return has_keys(data, "test_list")


def load(node: Node, options: Options) -> Problem:
    setup = [item.text() for item in _optional_items(node, "test_imports")]
    setup.append(node.optional_text("test_setup_code"))
    text = "\n".join(part for part in setup if part)
    cases = tuple(
        CheckCase(name=f"case {number}", test=test.text(), setup=text)
        for number, test in enumerate(node.need("test_list").items(), 1)
    )
    if not cases:
        raise node.member("test_list").error("no cases")
    return Problem(
        cases=cases,
        reference=node.optional_text("code") or None,
        skipped=_skipped(node),
        format="mbpp",
    )


def _skipped(node: Node) -> tuple[Skipped, ...]:
    result = []
    challenges = len(_optional_items(node, "challenge_test_list"))
    if challenges:
        result.append(
            Skipped(
                what=f"challenge_test_list: {challenges} tests",
                why="MBPP's own evaluation does not use them",
            )
        )
    if node.optional_text("test"):
        result.append(Skipped(what="test", why="the asserts in test_list are graded"))
    return tuple(result)


def _optional_items(node: Node, key: str) -> list[Node]:
    member = node.member(key)
    return [] if member.value is None else member.items()


FORMAT = Format(name="mbpp", detect=detect, load=load)
