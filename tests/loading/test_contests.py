"""The formats of stdin tests: CodeContests, SandboxFusion, ExecEval, open-r1, verl."""

from __future__ import annotations

from typing import Any

import pytest

from codefeedback.errors import ProblemError
from codefeedback.loading import load_problem
from codefeedback.problems import CallCase, CheckCase, StdinCase

from .format_samples import sample


def test_code_contests() -> None:
    problem = load_problem(sample("code-contests", "row"))
    assert [case.name for case in problem.cases] == ["public 1", "generated 1"]
    assert problem.limits == {"cpu_seconds": 1.5, "memory_bytes": 256_000_000}
    assert problem.id == "1_A. Sum"


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (None, {}),
        (0, {}),
        (2.5, {"cpu_seconds": 2.5}),
        ({"seconds": 2, "nanos": None}, {"cpu_seconds": 2}),
        (8, {"cpu_seconds": 8, "wall_seconds": 20.0}),
    ],
)
def test_code_contests_time_limit(limit: Any, expected: dict[str, float]) -> None:
    data = sample("code-contests", "row") | {"time_limit": limit, "memory_limit_bytes": 0}
    assert load_problem(data).limits == expected


def test_sandboxfusion() -> None:
    problem = load_problem(sample("sandboxfusion", "row"))
    assert problem.cases == (StdinCase(name="case 1", stdin="1 2\n", accepted=("3\n",)),)
    assert problem.id == "0"
    assert load_problem(sample("sandboxfusion", "tests")).cases == problem.cases


def test_sandboxfusion_code() -> None:
    (case,) = load_problem(sample("sandboxfusion", "code")).cases
    assert case == CheckCase(name="case 1", test="assert inc(1) == 2")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": '{"programming_language": "cpp"}'}, 'labels: the language is "cpp"'),
        ({"test": {"code": "x", "asset": {"a": "b"}}}, "test.asset: tests with files are not"),
    ],
)
def test_sandboxfusion_that_we_cannot(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        load_problem(sample("sandboxfusion", "row") | change)


def test_exec_eval() -> None:
    problem = load_problem(sample("exec-eval", "request"))
    assert problem.cases == (StdinCase(name="case 1", stdin="1 1", accepted=("2", "2.0")),)
    assert problem.limits == {"cpu_seconds": 2, "memory_bytes": 2**31, "processes": 1}
    assert [item.what for item in problem.skipped] == ["limits.nofile"]


def test_xcodeeval_row() -> None:
    problem = load_problem(sample("exec-eval", "row"))
    expected = {"cpu_seconds": 5.0, "wall_seconds": 12.5, "memory_bytes": 256 * 1024**2}
    assert problem.limits == expected
    assert problem.id == "u"
    with pytest.raises(ProblemError, match="input_from: only standard input is supported"):
        load_problem(sample("exec-eval", "row") | {"input_from": "in.txt"})


def test_open_r1() -> None:
    problem = load_problem(sample("open-r1", "column"))
    assert problem.cases == (StdinCase(name="case 1", stdin="1 2\n", accepted=("3\n",)),)


def test_open_r1_calls() -> None:
    problem = load_problem(sample("open-r1", "columns"))
    assert problem.cases == (
        CallCase(name="case 1", entry_point="add", args=(1, 2), accepted=(3,)),
        CallCase(name="case 2", entry_point="add", args=(3, 4), accepted=([7], 7)),
    )
    assert problem.limits == {"cpu_seconds": 20, "wall_seconds": 50.0}
    info = {"test_cases": [{"input": "1\n2", "output": "3", "type": "function_call"}]}
    (case,) = load_problem({"verification_info": info | {"fn_name": "add"}}).cases
    assert case == problem.cases[0]


def test_verl() -> None:
    problem = load_problem(sample("verl", "row"))
    assert problem.cases == (
        CallCase(name="case 1", entry_point="add", args=(1, 2), accepted=(3,)),
        CallCase(name="case 2", entry_point="add", args=(3, 4), accepted=([7], 7)),
    )
    assert load_problem(sample("verl", "text calls")).cases == problem.cases
    (case,) = load_problem(sample("verl", "tests")).cases
    assert isinstance(case, StdinCase)


def test_verl_asserts() -> None:
    data = sample("verl", "asserts")
    problem = load_problem(data)
    assert problem.cases == (CheckCase(name="case 1", test="assert inc(1) == 2"),)
    assert problem.skipped == ()
    told = load_problem(data | {"inputs": ["1"]}).skipped
    assert [item.what for item in told] == ["inputs and outputs"]


def test_verl_functional_test_code() -> None:
    (case,) = load_problem({"ground_truth": {"functional": "check(f)"}}).cases
    assert case == CheckCase(name="case 1", test="check(f)")
