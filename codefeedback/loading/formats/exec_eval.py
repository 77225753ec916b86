"""ExecEval and xCodeEval: ``{"unittests": [{"input", "output": [accepted, ...]}], "limits"?}``,
or a row with ``hidden_unit_tests`` as JSON text."""

from __future__ import annotations

import re
from typing import Any

from codefeedback.problems import Problem, Skipped, StdinCase

from ..calls import lines
from ..fields import Node, show
from ..format import Format, Options, has_keys
from ..limits import memory_limits, time_limits

_TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?) seconds?")
_MEMORY = re.compile(r"([0-9]+(?:\.[0-9]+)?) megabytes?")


def detect(data: Any) -> bool:
    return has_keys(data, "unittests") or has_keys(data, "hidden_unit_tests")


def load(node: Node, options: Options) -> Problem:
    _check_channels(node)
    key = "unittests" if has_keys(node.value, "unittests") else "hidden_unit_tests"
    tests = node.need(key).unpacked()
    cases = tuple(_case(number, item) for number, item in enumerate(tests.items(), 1))
    if not cases:
        raise tests.error("no cases")
    limits, skipped = _limits(node.member("limits"))
    return Problem(
        cases=cases, limits=_worded_limits(node) | limits, skipped=skipped, format="exec-eval"
    )


def _case(number: int, item: Node) -> StdinCase:
    answer = item.need("output")
    if isinstance(answer.value, list):
        accepted = tuple(one.text() for one in answer.items())
        if not accepted:
            raise answer.error("expected at least one accepted answer")
    else:
        accepted = (answer.text(),)
    return StdinCase(name=f"case {number}", stdin=lines(item.need("input")), accepted=accepted)


def _check_channels(node: Node) -> None:
    for key, usual in (("input_from", "standard input"), ("output_to", "standard output")):
        channel = node.optional_text(key)
        if channel not in ("", usual):
            raise node.member(key).error(f"only {usual} is supported, got {show(channel)}")


def _worded_limits(node: Node) -> dict[str, float]:
    """xCodeEval's ``"2 seconds"`` and ``"256 megabytes"``."""
    limits: dict[str, float] = {}
    time, memory = node.member("time_limit").value, node.member("memory_limit").value
    if isinstance(time, str) and (match := _TIME.fullmatch(time)):
        limits |= time_limits(float(match[1]))
    if isinstance(memory, str) and (match := _MEMORY.fullmatch(memory)):
        limits |= memory_limits(float(match[1]) * 1024**2)
    return limits


def _limits(node: Node) -> tuple[dict[str, float], tuple[Skipped, ...]]:
    """ExecEval's limits that have a counterpart; the others are told. -1 means no limit."""
    limits: dict[str, float] = {}
    skipped: list[Skipped] = []
    for key in node.object() if node.value is not None else ():
        value = node.member(key)
        if value.value is None:
            continue
        amount = value.number()
        if key == "cpu":
            limits |= time_limits(amount)
        elif key == "_as":
            limits |= memory_limits(amount)
        elif key == "nproc" and 1 <= amount < 2**31:
            limits["processes"] = int(amount)
        elif amount >= 0:
            skipped.append(Skipped(what=f"limits.{key}", why="there is no such limit here"))
    return limits, tuple(skipped)


FORMAT = Format(name="exec-eval", detect=detect, load=load)
