"""MBPP: ``{"task_id", "text" | "prompt", "code", "test_list", "test_setup_code"}``.

The sanitized variant has ``test_imports`` in place of ``test_setup_code``.
"""

from __future__ import annotations

import builtins
import re
from typing import Any

from codefeedback.problems import CheckCase, Problem, Skipped

from ..fields import Node
from ..format import Format, Options, has_keys

_CALL = re.compile(r"(?<![.\w])([A-Za-z_]\w*)\s*\(")
_DEFINITION = re.compile(r"^def\s+(\w+)", re.MULTILINE)


def detect(data: Any) -> bool:
    return has_keys(data, "test_list")


def load(node: Node, options: Options) -> Problem:
    setup = [item.text() for item in _optional_items(node, "test_imports")]
    setup.append(node.optional_text("test_setup_code"))
    text = "\n".join(part for part in setup if part)
    tests = [test.text() for test in node.need("test_list").items()]
    if not tests:
        raise node.member("test_list").error("no cases")
    reference = node.optional_text("code") or None
    entry_point = _entry_point(tests[0], reference)
    return Problem(
        cases=tuple(
            CheckCase(name=f"case {number}", test=test, setup=text, entry_point=entry_point)
            for number, test in enumerate(tests, 1)
        ),
        reference=reference,
        skipped=_skipped(node),
        format="mbpp",
    )


def _entry_point(test: str, reference: str | None) -> str | None:
    """The function under test: of those that an assert calls, the last that the reference defines.

    Without a reference, the first that is no builtin. It has to be known when it is named like a
    builtin (``sum`` in MBPP 126), which otherwise stays the test's own.
    """
    called: list[str] = list(dict.fromkeys(_CALL.findall(test)))
    if reference is not None:
        defined: list[str] = [n for n in _DEFINITION.findall(reference) if n in called]
        return defined[-1] if defined else None
    foreign = [name for name in called if not hasattr(builtins, name)]
    return next(iter(foreign or called), None)


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
