"""Tests as pairs of inputs and outputs, the shape that most public formats share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from codefeedback.problems import CallCase, Case, StdinCase

from .fields import Node, parse_json

#: What the graders of call-based tests import in front of a program: LeetCode promises these names,
#: and programs written for it (``def f(self, items: List[int])``) do not import them.
CALL_PRELUDE = """\
import bisect, collections, functools, heapq, itertools, math, operator, random, re, string
import sys, time
from typing import *
from bisect import bisect_left, bisect_right, insort
from collections import Counter, OrderedDict, defaultdict, deque
from functools import *
from heapq import heapify, heappop, heappush, heappushpop, heapreplace, nlargest, nsmallest
from itertools import accumulate, chain, combinations, count, groupby, permutations, product
from math import ceil, floor, gcd, inf, log, log2, sqrt
"""

# Keys that JSON made strings of. Short enough for int(), and only what str(int) writes.
_INT_KEY = re.compile(r"0|-?[1-9][0-9]{0,17}")


def pairs(inputs: Node, outputs: Node) -> list[tuple[Node, Node]]:
    """Two arrays of the same length, item by item."""
    left, right = inputs.items(), outputs.items()
    if len(left) != len(right):
        raise outputs.error(f"expected {len(left)} items, as many as inputs, got {len(right)}")
    return list(zip(left, right, strict=True))


def lines(node: Node) -> str:
    """A text, or an array of its lines."""
    if isinstance(node.value, list):
        return "\n".join(item.text() for item in node.items())
    if not isinstance(node.value, str):
        raise node.expected("a string or an array of strings")
    return node.value


def stdin_case(name: str, given: Node, answer: Node) -> StdinCase:
    return StdinCase(name=name, stdin=lines(given), accepted=(lines(answer),))


def call_case(name: str, entry_point: str, given: Node, answer: Node) -> CallCase:
    """APPS' way: an array of arguments, and an answer that may be wrapped in an array of one."""
    if isinstance(given.value, str):
        raise given.error(
            "expected an array of arguments, got string (arguments as JSON text, one a line, "
            "are the formats livecodebench and verl)"
        )
    args = tuple(item.plain() for item in given.items())
    if len(args) == 1:
        args = (int_keys(args[0]),)
    return CallCase(
        name=name, entry_point=entry_point, args=args, accepted=unwrapped(answer.plain())
    )


def text_call_case(
    name: str, entry_point: str, given: Node, answer: Node, *, wrapped: bool
) -> CallCase:
    """Arguments as JSON text, one a line, and an answer as JSON text.

    `wrapped`: an answer in an array of one is also accepted without it.
    """
    args = []
    for number, line in enumerate(given.text().split("\n"), 1):
        if line.strip():
            args.append(_argument(given, number, line))
    expected = Node(parse_json(answer.text(), answer.where), answer.where).plain()
    accepted = unwrapped(expected) if wrapped else (expected,)
    return CallCase(name=name, entry_point=entry_point, args=tuple(args), accepted=accepted)


def _argument(given: Node, number: int, line: str) -> Any:
    where = f"{given.where} (line {number})"
    return Node(parse_json(line, where, one_line=True), where).plain()


def call_prelude(cases: Iterable[Case]) -> str:
    """`CALL_PRELUDE` where functions are called; programs that read stdin import their own."""
    return CALL_PRELUDE if any(isinstance(case, CallCase) for case in cases) else ""


def unwrapped(answer: Any) -> tuple[Any, ...]:
    """An answer, and its element where it is an array of one. (APPS wrapped the answers of many
    problems and its grader takes both.)"""
    if isinstance(answer, list) and len(answer) == 1:
        element = int_keys(answer[0])
        return ([element], element)
    return (int_keys(answer),)


def int_keys(value: Any) -> Any:
    """An object whose keys are all integers, with integer keys: JSON made strings of them.

    APPS' rule for an only argument and for an answer; objects deeper inside stay as they are.
    """
    if isinstance(value, Mapping) and value and all(map(_INT_KEY.fullmatch, value)):
        return {int(key): item for key, item in value.items()}
    return value


def in_outs(node: Node, call: Callable[[str, str, Node, Node], Case]) -> tuple[Case, ...]:
    """The cases of APPS' object ``{"inputs", "outputs", "fn_name"?}``.

    `call` makes the case of a call: it is where APPS and its descendants differ.
    """
    if not node.value:
        raise node.error("no cases")
    name = node.member("fn_name")
    entry_point = name.entry_point() if name.value not in (None, "") else None
    cases: list[Case] = []
    for index, (given, answer) in enumerate(pairs(node.need("inputs"), node.need("outputs")), 1):
        if entry_point:
            cases.append(call(f"case {index}", entry_point, given, answer))
        else:
            cases.append(stdin_case(f"case {index}", given, answer))
    if not cases:
        raise node.error("no cases")
    return tuple(cases)


def has_text_calls(data: object) -> bool:
    """Whether APPS' object has its arguments as JSON text: the livecodebench and verl way."""
    if not isinstance(data, dict) or not data.get("fn_name"):
        return False
    inputs = data.get("inputs")
    return (
        isinstance(inputs, list) and bool(inputs) and all(isinstance(item, str) for item in inputs)
    )
