from __future__ import annotations

import collections
import datetime
import decimal
import enum
import fractions
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codefeedback.guest import values

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False)
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.dates()
    | st.timedeltas()
)
KEYS = st.none() | st.integers() | st.text() | st.binary() | st.tuples(st.integers(), st.text())
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner)
        | st.sets(KEYS)
        | st.frozensets(KEYS)
        | st.lists(inner).map(collections.deque)
    ),
    max_leaves=20,
)


def over_the_wire(value: Any) -> Any:
    return values.decode(json.loads(json.dumps(values.encode(value))))


def same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


@given(VALUES)
def test_round_trip(value: Any) -> None:
    assert same(over_the_wire(value), value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.0])
def test_floats_keep_their_exact_value(value: float) -> None:
    assert repr(over_the_wire(value)) == repr(value)


def test_integers_of_any_size_travel() -> None:
    for bits in (62, 63, 64, 20000):  # the last has more digits than Python prints
        assert over_the_wire(-(1 << bits)) == -(1 << bits)


class LyingList(list):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        return iter([9])

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None


class LyingInt(int):
    def __int__(self) -> int:
        return 9

    __index__ = __pos__ = __int__


class Colour(enum.IntEnum):
    RED = 3


Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (LyingList([1]), [1]),
        (LyingInt(1), 1),
        (Colour.RED, 3),
        (Point(1, 2), (1, 2)),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.OrderedDict(a=1), {"a": 1}),
    ],
)
def test_subclasses_travel_as_their_content(value: Any, plain: Any) -> None:
    assert same(over_the_wire(value), plain)


@pytest.mark.parametrize("value", [object(), (i for i in range(3)), print, LyingList, iter([])])
def test_objects_do_not_travel(value: Any) -> None:
    arrived = over_the_wire(value)
    assert isinstance(arrived, values.Opaque)
    assert arrived != arrived


def test_a_metaclass_has_no_say() -> None:
    class Meta(type):
        def __eq__(cls, other: object) -> bool:
            return True

        def __hash__(cls) -> int:
            return hash(int)

        def mro(cls) -> list[type]:
            return [cls, *super().mro()[1:]]

    class Odd(metaclass=Meta):
        pass

    assert isinstance(over_the_wire(Odd()), values.Opaque)


def test_cycles_and_depth() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert isinstance(over_the_wire(endless)[0], values.Opaque)
    deep: Any = ()
    for _ in range(values.MAX_DEPTH - 1):
        deep = (deep,)
    assert same(over_the_wire(deep), deep)


@pytest.mark.parametrize(
    "data",
    [
        {"$nope": 1},
        {"$int": "x"},
        {"$int": 5},
        {"$float": "1.0"},
        {"$set": [[1]]},
        {"$tuple": 1},
        {"$dict": [[1]]},
        {"$dict": [[[], 1]]},
        {"$bytes": "0"},
        {"$bytes": 3},
        {"$complex": [1, 2, 3]},
        {"$range": [1, 2, 0]},
        {"$decimal": "x"},
        {"$fraction": ["0x1", "0x0"]},
        {"$fraction": ["0x1"]},
        {"$date": "yesterday"},
        {"$timedelta": [1]},
        {"$timedelta": [10**18, 0, 0]},
        {"a": 1, "$b": 2},
        [[{"$int": None}]],
    ],
)
def test_what_is_no_value(data: Any) -> None:
    with pytest.raises(ValueError):
        values.decode(data)


def test_known_classes() -> None:
    for value in (
        decimal.Decimal("1.50"),
        fractions.Fraction(1, 3),
        datetime.datetime(2020, 1, 2, 3, 4, 5, 6),
        datetime.time(1, 2),
        range(1, 9, 2),
        bytearray(b"x"),
    ):
        assert same(over_the_wire(value), value)
