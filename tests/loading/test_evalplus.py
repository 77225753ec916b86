"""EvalPlus."""

from __future__ import annotations

from typing import Any

import pytest

from codefeedback.loading import load_problem
from codefeedback.problems import CallCase

from .format_samples import PROMPT, sample


def mbpp_args(number: int, inputs: list[Any]) -> tuple[Any, ...]:
    data = sample("evalplus", "row")
    data |= {"task_id": f"Mbpp/{number}", "base_input": [inputs], "plus_input": {}}
    (case,) = load_problem(data).cases
    assert isinstance(case, CallCase)
    return case.args


def test_row() -> None:
    problem = load_problem(sample("evalplus", "row"))
    assert problem.cases == (
        CallCase(name="base 1", entry_point="inc", args=(1,)),
        CallCase(name="plus 1", entry_point="inc", args=(2,)),
        CallCase(name="plus 2", entry_point="inc", args=(1.5,)),
    )
    assert problem.policy == "evalplus:atol=1e-06"
    assert problem.reference == PROMPT + "    return x + 1\n"
    assert problem.prompt == PROMPT
    assert problem.skipped == ()


@pytest.mark.parametrize("atol", [0, 0.0, None])
def test_no_tolerance(atol: Any) -> None:
    assert load_problem(sample("evalplus", "row") | {"atol": atol}).policy == "evalplus"


@pytest.mark.parametrize("name", ["find_zero", "Diff", "sum_div"])
def test_special_oracles_are_told(name: str) -> None:
    (told,) = load_problem(sample("evalplus", "row") | {"entry_point": name}).skipped
    assert name in told.what


@pytest.mark.parametrize(
    ("number", "inputs", "expected"),
    [
        (1, [[1], 2], ([1], 2)),
        (2, [[1], [2]], ((1,), (2,))),
        (63, [[[1, 2]]], ([(1, 2)],)),
        (75, [[[1, 2]], 3], ([(1, 2)], 3)),
        (106, [[1], [2]], ([1], (2,))),
        (115, [[[1], []]], ([{1}, {}],)),
        (124, ["1", "2+3j"], (1.0, 2 + 3j)),
        (250, [[1, 2], 3], ((1, 2), 3)),
        (252, ["1j"], (1j,)),
        (259, [[[1], [2]], [[3]]], (((1,), (2,)), ((3,),))),
        (278, [[1, [2, [3]]]], ((1, (2, [3])),)),
        (307, [[1], 2, [3]], ((1,), 2, [3])),
        (580, [[1, [2, [3]]]], ((1, (2, (3,))),)),
        (722, [{"a": [1]}, 2], ({"a": (1,)}, 2)),
    ],
)
def test_mbpp_plus_types(number: int, inputs: list[Any], expected: tuple[Any, ...]) -> None:
    assert repr(mbpp_args(number, inputs)) == repr(expected)
