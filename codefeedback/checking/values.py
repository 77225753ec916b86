"""Our own rules for returned values.

Values are decoded builtin values (`codefeedback.guest.values`), so no code of the program's runs
here. They are walked without recursion, and no pair of containers is compared twice.
"""

from __future__ import annotations

import cmath
import math
import operator
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

from codefeedback.guest.values import Opaque

_NUMBERS = (int, float, complex, Decimal, Fraction)
# Of these, equal values of one type are equal by every rule.
_SIMPLE = frozenset({int, bool, str, float, bytes, type(None)})


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far numbers may be apart: `abs`, or `rel` of the greater, whichever allows more."""

    abs: float
    rel: float


@dataclass(frozen=True, slots=True)
class Rules:
    """How two numbers and two texts compare, and whether the types must be the same.

    A tuple answers an expected list unless `same_types`; a list never answers an expected tuple.
    """

    numbers: Callable[[Any, Any], bool]
    texts: Callable[[Any, Any], bool] = operator.eq
    same_types: bool = False


def equal(expected: Any, returned: Any, rules: Rules) -> bool:
    """Whether `returned` answers `expected`. Never raises."""
    return _guarded(lambda: _equal(expected, returned, rules))


def _equal(expected: Any, returned: Any, rules: Rules) -> bool:
    pairs = [(expected, returned)]
    seen: set[tuple[int, int]] = set()
    while pairs:
        one, other = pairs.pop()
        if type(one) is type(other) and type(one) in _SIMPLE and one == other:
            continue
        if rules.same_types and type(one) is not type(other):
            return False
        if isinstance(one, (list, tuple, dict, deque)):
            if (id(one), id(other)) in seen:
                continue
            seen.add((id(one), id(other)))
        parts = _parts(one, other, rules)
        if parts is None:
            return False
        pairs.extend(parts)
    return True


def strict(expected: Any, returned: Any) -> bool:
    """Equal values; where a float is expected, equal but for rounding."""
    return equal(expected, returned, _STRICT)


def exact(expected: Any, returned: Any) -> bool:
    """Equal values of the same types."""
    return equal(expected, returned, _EXACT)


def case_insensitive(expected: Any, returned: Any) -> bool:
    """As `strict`, with upper and lower case the same, but in the keys of dicts and in sets."""
    return equal(expected, returned, _CASE_INSENSITIVE)


def floats(tolerance: Tolerance, expected: Any, returned: Any) -> bool:
    """As `strict`, with numbers as far apart as `tolerance` says; two integers by `abs` alone."""
    return equal(expected, returned, Rules(numbers=partial(_close_number, tolerance)))


def close(tolerance: Tolerance, expected: Any, returned: Any) -> bool:
    """Whether two numbers, not both integers, are as near as `tolerance` says. NaN is at NaN."""
    if isinstance(expected, complex) or isinstance(returned, complex):
        return _close_complex(tolerance, expected, returned)
    if _is_nan(expected) or _is_nan(returned):
        return _is_nan(expected) and _is_nan(returned)
    return python_equal(expected, returned) or _guarded(
        lambda: math.isclose(expected, returned, rel_tol=tolerance.rel, abs_tol=tolerance.abs)
    )


def close_integers(tolerance: Tolerance, expected: int, returned: int) -> bool:
    """Integers count things: a relative tolerance would take a wrong count for a right one."""
    return abs(expected - returned) <= tolerance.abs


def python_equal(one: Any, other: Any) -> bool:
    """Python's ``==``; False where it cannot say (too deep, a signalling NaN)."""
    return _guarded(lambda: one == other)


def _parts(one: Any, other: Any, rules: Rules) -> list[tuple[Any, Any]] | None:
    """The pairs that must be equal for these two to be; None if they are not whatever those say."""
    if isinstance(one, _NUMBERS):
        return _verdict(isinstance(other, _NUMBERS) and rules.numbers(one, other))
    if isinstance(one, str):
        return _verdict(isinstance(other, str) and rules.texts(one, other))
    if isinstance(one, (list, tuple, deque)):
        kind = list if isinstance(one, list) else tuple if isinstance(one, tuple) else deque
        # A tuple answers a list: graders read their answers from JSON, which has no tuples.
        answered = isinstance(other, kind) or (kind is list and isinstance(other, tuple))
        if not answered or len(one) != len(other):
            return None
        return list(zip(one, other, strict=True))
    if isinstance(one, dict):
        return _dict_parts(one, other, rules)
    if isinstance(one, (set, frozenset)):
        return _set_parts(one, other, rules)
    # Everything else compares as Python does: None, bytes, ranges, dates.
    return _verdict(not isinstance(one, Opaque) and python_equal(one, other))


def _dict_parts(one: Any, other: Any, rules: Rules) -> list[tuple[Any, Any]] | None:
    if not isinstance(other, dict) or len(one) != len(other):
        return None
    if any(key not in other for key in one):
        return None
    parts = [(value, other[key]) for key, value in one.items()]
    return parts + _same_keys(one, other) if rules.same_types else parts


def _set_parts(one: Any, other: Any, rules: Rules) -> list[tuple[Any, Any]] | None:
    if not isinstance(other, (set, frozenset)) or not python_equal(one, other):
        return None
    return _same_keys(one, other) if rules.same_types else []


def _same_keys(one: Any, other: Any) -> list[tuple[Any, Any]]:
    """Each key beside the equal key of the other, whose type may differ."""
    keys = {key: key for key in other}
    return [(key, keys[key]) for key in one]


def _verdict(right: bool) -> list[tuple[Any, Any]] | None:
    return [] if right else None


def _strict_number(expected: Any, returned: Any) -> bool:
    if isinstance(expected, (float, complex)):
        return close(_ROUNDING, expected, returned)
    return _same_number(expected, returned)


def _close_number(tolerance: Tolerance, expected: Any, returned: Any) -> bool:
    if isinstance(expected, int) and isinstance(returned, int):
        return close_integers(tolerance, expected, returned)
    return close(tolerance, expected, returned)


def _same_number(expected: Any, returned: Any) -> bool:
    if isinstance(expected, complex) and isinstance(returned, complex):
        return _same_number(expected.real, returned.real) and _same_number(
            expected.imag, returned.imag
        )
    return python_equal(expected, returned) or (_is_nan(expected) and _is_nan(returned))


def _same_casefold(expected: str, returned: str) -> bool:
    return expected.casefold() == returned.casefold()


def _close_complex(tolerance: Tolerance, expected: Any, returned: Any) -> bool:
    rel, abs_ = tolerance.rel, tolerance.abs
    if _guarded(lambda: cmath.isclose(expected, returned, rel_tol=rel, abs_tol=abs_)):
        return True
    # A NaN or an infinity in either part is at no distance from anything.
    return (
        isinstance(expected, complex)
        and isinstance(returned, complex)
        and close(tolerance, expected.real, returned.real)
        and close(tolerance, expected.imag, returned.imag)
    )


def _is_nan(number: Any) -> bool:
    if isinstance(number, Decimal):
        return number.is_nan()  # a signalling NaN does not even compare with itself
    return isinstance(number, float) and math.isnan(number)


def _guarded(test: Callable[[], bool]) -> bool:
    """What `test` says; False where numbers are too large or things nested too deep to say."""
    try:
        return bool(test())
    except (ArithmeticError, ValueError, TypeError, RecursionError):
        return False


# What a sum loses to rounding: 0.1 + 0.2 answers 0.3.
_ROUNDING = Tolerance(abs=1e-12, rel=1e-9)
_STRICT = Rules(numbers=_strict_number)
_EXACT = Rules(numbers=_same_number, same_types=True)
_CASE_INSENSITIVE = Rules(numbers=_strict_number, texts=_same_casefold)
