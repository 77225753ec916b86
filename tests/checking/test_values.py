"""Our own rules for returned values."""

from __future__ import annotations

import math
from collections import deque
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codefeedback.checking import values
from codefeedback.checking.policies import policy
from codefeedback.guest.values import Opaque

NAN, INF = math.nan, math.inf

# policy, expected, returned, whether that is accepted
TABLE: list[tuple[str, Any, Any, bool]] = [
    ("strict", 2, 2, True),
    ("strict", 2, 2.0, True),
    ("strict", 1, True, True),
    ("strict", 2, Fraction(2), True),
    ("strict", Decimal("0.5"), 0.5, True),
    ("strict", Fraction(1, 2), 0.5, True),
    ("strict", 2, 2 + 0j, True),
    # Only an expected float forgives rounding.
    ("strict", 0.3, 0.1 + 0.2, True),
    ("strict", 0.3, 0.3000001, False),
    ("strict", 0.0, 1e-13, True),
    ("strict", 0.0, 1e-11, False),
    ("strict", 2.0, 2, True),
    ("strict", 2, 2.0000000001, False),
    ("strict", 30000000, 30000001, False),
    ("strict", 10**17, 10**17 + 1, False),
    ("strict", Decimal("0.1"), 0.1, False),
    ("strict", 0.1, Decimal("0.1"), True),
    ("strict", [0.3, {"a": (0.3,)}], [0.1 + 0.2, {"a": (0.1 + 0.2,)}], True),
    ("strict", 0.3j, 0.1j + 0.2j, True),
    ("strict", 1 + 1j, 1 + 1.1j, False),
    ("strict", NAN, NAN, True),
    ("strict", NAN, Decimal("nan"), True),
    ("strict", Decimal("sNaN"), Decimal("sNaN"), True),
    ("strict", complex(NAN, 1), complex(NAN, 1), True),
    ("strict", complex(NAN, 1), complex(NAN, 2), False),
    ("strict", 0.0, NAN, False),
    ("strict", NAN, 0.0, False),
    ("strict", INF, INF, True),
    ("strict", INF, -INF, False),
    ("strict", INF, 1e308, False),
    ("strict", INF, 10**400, False),
    ("strict", 1e308, 10**400, False),
    ("strict", 10**400, 1e308, False),
    ("strict", 0.5, Fraction(10**400, 2 * 10**400 + 1), True),
    ("strict", 1.0, Decimal("1e999999999"), False),
    ("strict", 1.0, Decimal("sNaN"), False),
    ("strict", 1.0, "1.0", False),
    ("strict", "1", 1, False),
    ("strict", "a", "a", True),
    ("strict", "a", b"a", False),
    ("strict", b"a", bytearray(b"a"), True),
    ("strict", None, None, True),
    ("strict", None, 0, False),
    ("strict", 0, None, False),
    # A tuple answers a list, at any depth. A list does not answer a tuple.
    ("strict", [1, 2], (1, 2), True),
    ("strict", [[1, 2]], [(1, 2)], True),
    ("strict", {"a": [1]}, {"a": (1,)}, True),
    ("strict", (1, 2), [1, 2], False),
    ("strict", [1, 2], [2, 1], False),
    ("strict", [1, 2], [1], False),
    ("strict", [], {}, False),
    ("strict", [0, 1], range(2), False),
    ("strict", range(2), range(2), True),
    ("strict", range(0), range(1, 1), True),
    ("strict", deque([0.3]), deque([0.1 + 0.2]), True),
    ("strict", [1], deque([1]), False),
    ("strict", deque([1]), [1], False),
    ("strict", {1, 2}, {2, 1}, True),
    ("strict", {1, 2}, frozenset({1, 2}), True),
    ("strict", {1, 2}, [1, 2], False),
    ("strict", {0.3}, {0.1 + 0.2}, False),
    ("strict", {1: "a", "b": 2}, {"b": 2, 1.0: "a"}, True),
    ("strict", {1: "a"}, {"1": "a"}, False),
    ("strict", {1: "a"}, {1: "a", 2: "b"}, False),
    ("strict", {"a": None}, {"b": None}, False),
    ("strict", date(2020, 1, 1), date(2020, 1, 1), True),
    ("strict", date(2020, 1, 1), datetime(2020, 1, 1), False),
    ("strict", Opaque("T"), Opaque("T"), False),
    ("strict", [1], [Opaque("T")], False),
    ("exact", 2, 2, True),
    ("exact", 2, 2.0, False),
    ("exact", 1, True, False),
    ("exact", 0.3, 0.1 + 0.2, False),
    ("exact", [1], (1,), False),
    ("exact", [[1]], [[True]], False),
    ("exact", {1, 2}, frozenset({1, 2}), False),
    ("exact", {1}, {1.0}, False),
    ("exact", {1}, {1}, True),
    ("exact", {(1, 2)}, {(1, 2.0)}, False),
    ("exact", {1: "a"}, {True: "a"}, False),
    ("exact", {1: "a", 2: "b"}, {2: "b", 1: "a"}, True),
    ("exact", NAN, NAN, True),
    ("exact", complex(NAN, 1), complex(NAN, 1), True),
    ("exact", b"a", bytearray(b"a"), False),
    ("exact", Opaque("T"), Opaque("T"), False),
    ("case-insensitive", ["Yes"], ("YES",), True),
    ("case-insensitive", {"Yes": "No"}, {"Yes": "NO"}, True),
    ("case-insensitive", {"Yes": 1}, {"YES": 1}, False),
    ("case-insensitive", ["Yes"], [" yes"], False),
    ("case-insensitive", 0.3, 0.1 + 0.2, True),
    ("floats", [1.0], [1.0000001], True),
    ("floats", 1.0, 1.00001, False),
    ("floats", 2, 2.0000001, True),
    ("floats", 2000000, 2000001, False),
    ("floats:abs=1", 10, 11, True),
    ("floats:abs=1", 10, 12, False),
    ("floats:abs=1,rel=0", Decimal("1.5"), 2, True),
    ("floats", NAN, NAN, True),
    ("floats", "1.0", "1.0000001", False),
    ("floats", 10**400, 10**400 + 1, False),
    ("tokens", [1], (1,), True),
    ("unordered-lines", [1, 2], [2, 1], False),
]
IDS = [f"{number}-{row[0]}" for number, row in enumerate(TABLE)]


@pytest.mark.parametrize(("name", "expected", "returned", "answer"), TABLE, ids=IDS)
def test_rules(name: str, expected: Any, returned: Any, answer: bool) -> None:
    assert policy(name).value(expected, returned) is answer


def nested(depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.mark.parametrize("name", ["strict", "exact", "floats", "case-insensitive"])
def test_depth_and_sharing_do_no_harm(name: str) -> None:
    compare = policy(name).value
    assert compare(nested(50_000, 1), nested(50_000, 1))
    assert not compare(nested(50_000, 1), nested(50_000, 2))
    one, other = [1], [1]
    for _ in range(100):
        one, other = [one, one], [other, other]  # type: ignore[list-item]
    assert compare(one, other)
    circle: list[Any] = []
    circle.append(circle)
    assert compare(circle, circle)
    assert not compare(circle, nested(3, 1))


def test_values_that_python_cannot_compare_are_not_equal() -> None:
    key: Any = ()
    other: Any = ()
    for _ in range(50_000):
        key, other = (key,), (other,)
    assert not values.python_equal(key, other)
    assert not values.python_equal(Decimal("sNaN"), 1)


json_like = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(st.text(max_size=2), inner)
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(json_like)
def test_what_is_exact_is_strict(value: Any) -> None:
    assert values.exact(value, value)
    assert values.strict(value, value)


@settings(deadline=None)
@given(json_like, json_like)
def test_exact_is_symmetric(one: Any, other: Any) -> None:
    assert values.exact(one, other) == values.exact(other, one)
    assert not values.exact(one, other) or values.strict(one, other)
