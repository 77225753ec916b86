"""Limits as tests files give them, checked and in our units."""

from __future__ import annotations

import math
from dataclasses import fields

from codefeedback.problems import Limits

from .fields import Node, show, suggestion

_DEFAULT = Limits()
_WHOLE = {item.name for item in fields(Limits) if item.type == "int"}
_NAMES = [item.name for item in fields(Limits)]
_MOST = 2**62


def native_limits(node: Node) -> dict[str, float]:
    """The object `limits` of the native format."""
    result: dict[str, float] = {}
    for key in node.object():
        if key not in _NAMES:
            raise node.error(f"unknown key {show(key)}{suggestion(key, _NAMES)}")
        result[key] = limit(node.member(key), whole=key in _WHOLE)
    return result


def limit(node: Node, *, whole: bool = False) -> float:
    """A positive number below 2**62; `whole`: an int."""
    value = node.number()
    if not 0 < value < _MOST:
        raise node.error(f"expected a positive number below 2**62, got {show(value)}")
    if whole and not isinstance(value, int):
        if not value.is_integer():
            raise node.error(f"expected a whole number, got {show(value)}")
        return int(value)
    return value


def time_limits(seconds: float) -> dict[str, float]:
    """Limits for a time limit in seconds that a public format sets.

    It becomes the processor time. The wall clock keeps its default, unless that would bite first:
    then it grows in the proportion of the defaults.
    """
    if not math.isfinite(seconds) or not 0 < seconds < _MOST:
        return {}
    limits = {"cpu_seconds": seconds}
    wall = seconds * _DEFAULT.wall_seconds / _DEFAULT.cpu_seconds
    if wall > _DEFAULT.wall_seconds:
        limits["wall_seconds"] = wall
    return limits


def memory_limits(size: float) -> dict[str, float]:
    """Limits for a memory limit in bytes that a public format sets; none if it is not positive."""
    return {"memory_bytes": int(size)} if 1 <= size < _MOST else {}
