"""Every problem can be written in the native format and comes back the same."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codefeedback.loading import load_problem, to_native
from codefeedback.problems import CallCase, Problem, StdinCase

from .format_samples import SAMPLES

SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**63, max_value=2**70),
    st.floats(allow_nan=False),
    st.text(st.characters(), max_size=8),
    st.binary(max_size=8),
    st.complex_numbers(allow_nan=False),
    st.fractions(),
    st.decimals(allow_nan=False),
    st.dates(),
    st.timedeltas(),
)
HASHABLE = st.one_of(SCALARS, st.tuples(SCALARS), st.frozensets(SCALARS, max_size=3))
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.lists(inner, max_size=3).map(deque),
        st.sets(HASHABLE, max_size=3),
        st.dictionaries(HASHABLE, inner, max_size=3),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ),
    max_leaves=8,
)


def same(problem: Problem) -> Problem:
    """The problem by way of JSON text in the native format."""
    return load_problem(json.loads(json.dumps(to_native(problem))))


@pytest.mark.parametrize(
    ("kind", "name", "data"), SAMPLES, ids=[f"{kind}-{name}" for kind, name, _ in SAMPLES]
)
def test_every_format(kind: str, name: str, data: Any) -> None:
    problem = load_problem(data)
    assert same(problem) == replace(problem, format="native")


@given(args=st.lists(VALUES, max_size=3), accepted=st.lists(VALUES, min_size=1, max_size=3))
def test_values(args: list[Any], accepted: list[Any]) -> None:
    case = CallCase(name="c", entry_point="f", args=tuple(args), accepted=tuple(accepted))
    back = same(Problem(cases=(case,))).cases[0]
    assert back == case
    assert isinstance(back, CallCase)
    assert repr(back.args) == repr(case.args) or any(map(_unordered, args))


def _unordered(value: Any) -> bool:
    return "set(" in repr(value) or "{" in repr(value)


@given(st.text(st.characters()), st.lists(st.text(st.characters()), min_size=1, max_size=3))
def test_texts(stdin: str, accepted: list[str]) -> None:
    problem = Problem(cases=(StdinCase(name="c", stdin=stdin, accepted=tuple(accepted)),))
    assert same(problem) == problem


@pytest.mark.parametrize("policy", ["any-of", "any-of:floats"])
@pytest.mark.parametrize("accepted", [(1,), (1, 2), ([1, 2],)])
def test_any_of(policy: str, accepted: tuple[Any, ...]) -> None:
    case = CallCase(name="c", entry_point="f", accepted=accepted)
    for problem in (
        Problem(cases=(case,), policy=policy),
        Problem(cases=(replace(case, policy=policy),)),
    ):
        assert same(problem) == problem


def test_keyword_arguments_and_types() -> None:
    values = (1, True, 1.0, (1,), {1: "a"}, {"$x": 1}, date(2020, 1, 2), timedelta(1), "\ud800")
    case = CallCase(
        name="c",
        entry_point="A.b",
        args=(*values, Decimal("1.50"), Fraction(1, 3), 10**5000, range(3), b"a", bytearray(b"b")),
        kwargs={"a": {1, 2}, "b": frozenset()},
        accepted=(None,),
    )
    back = same(Problem(cases=(case,))).cases[0]
    assert back == case
    assert isinstance(back, CallCase)
    assert [type(value) for value in back.args] == [type(value) for value in case.args]
