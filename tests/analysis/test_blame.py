"""Formulas against values worked out by hand, when no line is named, and what is observed."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codefeedback import Limits, LocalSandbox, Source, UsageError
from codefeedback.analysis import blame
from codefeedback.analysis.blame import FORMULAS, Observation, localise, observe
from codefeedback.sandbox.interface import Call, Check, Command, Execution, Script
from codefeedback.sandbox.probe import offer_of

LIMITS = Limits(cpu_seconds=1, wall_seconds=2)


def seen(*cases: tuple[bool, Sequence[int]]) -> list[Observation]:
    return [
        Observation(name=str(number), passed=passed, lines=frozenset(lines))
        for number, (passed, lines) in enumerate(cases)
    ]


@pytest.mark.parametrize(
    ("formula", "counts", "value"),
    [
        ("ochiai", (2, 0, 0, 3), 1.0),
        ("ochiai", (1, 3, 0, 0), 0.5),
        ("ochiai", (2, 2, 2, 0), 0.5),
        ("ochiai", (0, 3, 2, 1), 0.0),
        ("ochiai", (0, 0, 0, 0), 0.0),
        ("dstar", (2, 1, 1, 0), 2.0),
        ("dstar", (3, 0, 1, 9), 9.0),
        ("dstar", (1, 0, 0, 5), math.inf),
        ("dstar", (0, 0, 0, 0), 0.0),
        ("tarantula", (1, 0, 3, 5), 1.0),
        ("tarantula", (2, 1, 0, 3), 0.8),
        ("tarantula", (2, 4, 2, 0), 1 / 3),
        ("tarantula", (2, 0, 0, 0), 1.0),
        ("tarantula", (0, 2, 1, 0), 0.0),
    ],
)
def test_formulas(formula: str, counts: tuple[int, int, int, int], value: float) -> None:
    assert FORMULAS[formula](*counts) == pytest.approx(value)


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_line_of_failing_cases_alone_comes_first(formula: str) -> None:
    blamed = localise(
        seen((True, [1, 2, 5]), (True, [1, 2]), (False, [1, 2, 3]), (False, [1, 3, 5])), formula
    )
    assert (blamed.suspicions[0].line, blamed.suspicions[0].score) == (3, 1.0)
    assert {each.line for each in blamed.suspicions} == {1, 2, 3, 5}
    scores = [each.score for each in blamed.suspicions]
    assert scores == sorted(scores, reverse=True)
    assert blamed.reason == ""


def test_lines_that_only_passing_cases_run_are_not_named() -> None:
    blamed = localise(seen((True, [1, 2]), (False, [1, 3])))
    assert [each.line for each in blamed.suspicions] == [3, 1]


def test_ties_go_by_line_and_infinity_keeps_the_others_in_order() -> None:
    blamed = localise(
        seen((True, [1, 2]), (True, [1]), (False, [1, 2, 7, 5]), (False, [1, 2, 7, 5])), "dstar"
    )
    assert [(each.line, each.score) for each in blamed.suspicions] == [
        *((5, 1.0), (7, 1.0)),
        *((2, 0.5), (1, 0.25)),  # 4 / 1 and 4 / 2 of 8
    ]


@pytest.mark.parametrize(
    ("observations", "reason"),
    [
        ([], "no case failed"),
        (seen((True, [1])), "no case failed"),
        (seen((False, [1])), "no case passed: nothing tells the lines apart"),
        (seen((False, []), (True, [1])), "no failing case ran a line"),
        (
            seen((False, [1, 2]), (True, [1, 2])),
            "all lines ran alike in passing and failing cases",
        ),
        (seen((False, [1, 2]), (True, [])), "all lines ran alike in passing and failing cases"),
    ],
)
@pytest.mark.parametrize("formula", FORMULAS)
def test_where_nothing_can_be_told(
    observations: list[Observation], reason: str, formula: str
) -> None:
    assert localise(observations, formula) == blame.Blamed(suspicions=(), reason=reason)


def test_a_line_alone_is_named() -> None:
    blamed = localise(seen((False, [4]), (True, [4])))
    assert [(each.line, each.score) for each in blamed.suspicions] == [(4, 1.0)]


def test_an_unknown_formula_is_named_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="ochiai, dstar, tarantula, got 'jaccard'"):
        localise(seen((False, [1]), (True, [2])), "jaccard")


@given(
    st.lists(st.tuples(st.booleans(), st.lists(st.integers(1, 8))), max_size=12),
    st.sampled_from(sorted(FORMULAS)),
)
def test_whatever_was_observed(cases: list[tuple[bool, list[int]]], formula: str) -> None:
    observations = seen(*cases)
    blamed = localise(observations, formula)
    assert bool(blamed.reason) != bool(blamed.suspicions)
    assert blamed == localise([*reversed(observations)], formula)
    failing = {line for passed, lines in cases for line in lines if not passed}
    if blamed.suspicions:
        assert {each.line for each in blamed.suspicions} == failing
        assert blamed.suspicions[0].score == 1.0
        assert all(0 < each.score <= 1 for each in blamed.suspicions)


# --- observations -------------------------------------------------------------------------------

PROGRAM = """\
def f(n):
    if n > 2:
        return n + 1
    if n == 0:
        return 1 / n
    if n < 0:
        return [n] * 3
    return n
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[LocalSandbox]:
    if offer_of(sys.executable).seccomp is None:
        pytest.skip("the local sandbox does not work here")
    with LocalSandbox() as sandbox:
        yield sandbox


def shown(observations: list[Observation]) -> list[tuple[str, bool, list[int]]]:
    return [(each.name, each.passed, sorted(each.lines)) for each in observations]


def check(test: str, entry_point: str | None = None, split: bool = True) -> Check:
    return Check(program=Source(PROGRAM), test=test, entry_point=entry_point, split=split)


def test_each_assert_of_a_plain_test_is_observed(sandbox: LocalSandbox) -> None:
    test = "def check(f):\n    assert f(1) == 1\n    assert f(5) == 5\n    assert f(0) == 0\n"
    test += "    assert f(-1) == [-1, -1, -1]\n"
    assert shown(observe(sandbox, [("test", check(test, "f"), False)], LIMITS)) == [
        ("test[0]", True, [2, 4, 6, 8]),
        ("test[1]", False, [2, 3]),
        ("test[3]", True, [2, 4, 6, 7]),  # the third raises, which is no wrong answer
    ]


def test_cases_with_one_verdict_are_one_observation_each(sandbox: LocalSandbox) -> None:
    runs: list[tuple[str, Command, bool]] = [
        ("split", check("x = f(1)\nassert x == 1"), True),
        ("inside", check("x = f(5)\nassert x == 5", split=False), False),
        ("call", Call(program=Source(PROGRAM), entry_point="f", args=(1,)), True),
        ("script", Script(program=Source(PROGRAM), stdin=b"1"), False),
    ]
    assert shown(observe(sandbox, runs, LIMITS)) == [
        ("split", True, [2, 4, 6, 8]),
        ("call", True, [2, 4, 6, 8]),
        ("inside", False, [2, 3]),
        ("script", False, [1]),
    ]


def test_what_ends_in_another_way_is_left_out(sandbox: LocalSandbox) -> None:
    def f(*args: int) -> Call:
        return Call(program=Source(PROGRAM), entry_point="f", args=args)

    slow = Source("x = 0\nwhile True:\n    x += 1\n")
    runs: list[tuple[str, Command, bool]] = [
        ("raises", f(0), False),
        ("too many", f(1, 2), True),
        ("passes now", check("x = f(1)\nassert x == 1"), False),
        ("fails now", check("x = f(5)\nassert x == 5"), True),
        ("an assert fails now", check("assert f(5) == 5"), True),
        ("too slow", Script(program=slow), False),
        ("exits", Script(program=Source("raise SystemExit(1)")), False),
    ]
    for run in runs:  # a batch has one program
        assert observe(sandbox, [run], replace(LIMITS, cpu_seconds=0.2)) == []


def test_of_very_many_asserts_those_that_fail_are_among_the_chosen(
    sandbox: LocalSandbox,
) -> None:
    asserts = [f"assert f({-number}) == {[-number] * 3}" for number in range(1, 900)]
    asserts[777] = "assert f(7) == 7"
    observations = observe(sandbox, [("test", check("\n".join(asserts)), False)], LIMITS)
    assert len(observations) == blame.MOST_REJECTED
    assert [each.name for each in observations if not each.passed] == ["test[777]"]
    blamed = localise(observations)
    assert [each.line for each in blamed.suspicions] == [3, 2]


def test_no_more_cases_than_documented_are_run() -> None:
    class Counting(LocalSandbox):
        def __init__(self) -> None:
            self.asked = 0

        def run_all(  # type: ignore[override]
            self, commands: Sequence[Command], limits: Limits, **_: bool
        ) -> Iterator[Execution]:
            self.asked += len(commands)
            yield from ()

    sandbox = Counting()
    command = Script(program=Source("print(1)"))
    runs = [(str(number), command, number % 3 > 0) for number in range(1000)]
    with pytest.raises(ValueError, match="zip"):
        observe(sandbox, runs, LIMITS)
    assert sandbox.asked == blame.MOST_ACCEPTED + blame.MOST_REJECTED
