"""DeepMind CodeContests: ``{"public_tests": {"input": [], "output": []}, ...}`` and its limits."""

from __future__ import annotations

from typing import Any

from codefeedback.problems import Case, Problem

from ..calls import pairs, stdin_case
from ..fields import Node, show
from ..format import Format, Options, has_keys
from ..limits import memory_limits, time_limits

_SECTIONS = ("public", "private", "generated")


def detect(data: Any) -> bool:
    return any(has_keys(data, f"{section}_tests") for section in _SECTIONS)


def load(node: Node, options: Options) -> Problem:
    for key in ("input_file", "output_file"):
        name = node.optional_text(key)
        if name:
            raise node.member(key).error(
                f"the tests use the file {show(name)}; only stdin and stdout are supported"
            )
    cases: list[Case] = []
    for section in _SECTIONS:
        tests = node.member(f"{section}_tests")
        if tests.value is None:
            continue
        found = pairs(tests.need("input"), tests.need("output"))
        for number, (given, answer) in enumerate(found, 1):
            cases.append(stdin_case(f"{section} {number}", given, answer))
    if not cases:
        raise node.error("no cases")
    return Problem(cases=tuple(cases), limits=_limits(node), format="code-contests")


def _limits(node: Node) -> dict[str, float]:
    """The problem's own limits. They were set for compiled languages; 0 means unknown."""
    time, memory = node.member("time_limit"), node.member("memory_limit_bytes")
    limits: dict[str, float] = {}
    if isinstance(time.value, dict):
        seconds, nanos = time.first("seconds"), time.first("nanos")
        whole = seconds.number() if seconds else 0
        limits |= time_limits(whole + (nanos.number() / 1e9 if nanos else 0))
    elif time.value is not None:
        limits |= time_limits(time.number())
    if memory.value is not None:
        limits |= memory_limits(memory.number())
    return limits


FORMAT = Format(name="code-contests", detect=detect, load=load)
