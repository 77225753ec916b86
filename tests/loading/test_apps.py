"""APPS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codefeedback.errors import ProblemError
from codefeedback.loading import load_problem, load_problems
from codefeedback.problems import CallCase, StdinCase

from .format_samples import sample


def calls(inputs: list[Any], outputs: list[Any]) -> list[CallCase]:
    data = {"fn_name": "f", "inputs": inputs, "outputs": outputs}
    return [case for case in load_problem(data).cases if isinstance(case, CallCase)]


def test_stdin_and_lines() -> None:
    problem = load_problem(sample("apps", "stdin"))
    assert problem.cases == (
        StdinCase(name="case 1", stdin="1 2\n", accepted=("3\n",)),
        StdinCase(name="case 2", stdin="3\n4", accepted=("7\n",)),
    )
    assert problem.prelude == ""


@pytest.mark.parametrize(
    ("output", "accepted"),
    [
        (3, (3,)),
        ([3], ([3], 3)),
        ([3, 4], ([3, 4],)),
        ([], ([],)),
        ([[3]], ([[3]], [3])),
        ({"1": 2}, ({1: 2},)),
        ([{"1": 2}], ([{1: 2}], {1: 2})),
        ({"a": 2}, ({"a": 2},)),
    ],
)
def test_outputs(output: Any, accepted: tuple[Any, ...]) -> None:
    (case,) = calls([[1]], [output])
    assert case.accepted == accepted


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([{"1": 2, "-3": 4}], ({1: 2, -3: 4},)),
        ([{"1": 2, "a": 4}], ({"1": 2, "a": 4},)),
        ([{"01": 2}], ({"01": 2},)),
        ([{}], ({},)),
        ([{"1": 2}, 3], ({"1": 2}, 3)),
        ([[{"1": 2}]], ([{"1": 2}],)),
        ([], ()),
    ],
)
def test_integer_keys(arguments: list[Any], expected: tuple[Any, ...]) -> None:
    (case,) = calls([arguments], [0])
    assert case.args == expected


def test_calls_have_the_names_that_the_judge_promises() -> None:
    prelude = load_problem(sample("apps", "call")).prelude
    names: dict[str, Any] = {}
    exec(compile(prelude, "prelude", "exec"), names)
    assert {"List", "Counter", "deque", "cache", "inf", "bisect"} <= names.keys()
    assert names["bisect"].bisect_left and names["Counter"].__module__ == "collections"


def test_empty_fn_name_means_stdin() -> None:
    (case,) = load_problem({"fn_name": "", "inputs": ["1"], "outputs": ["2"]}).cases
    assert isinstance(case, StdinCase)


def test_text_arguments_are_another_format() -> None:
    data = {"fn_name": "f", "inputs": ["1"], "outputs": ["2"]}
    assert load_problem(data).format == "verl"
    with pytest.raises(ProblemError, match="livecodebench and verl"):
        load_problem(data, tests_format="apps")


def folder(root: Path, name: str, data: object) -> Path:
    path = root / name
    path.mkdir()
    (path / "input_output.json").write_text(json.dumps(data), encoding="utf-8")
    return path


def test_folders(tmp_path: Path) -> None:
    first = folder(tmp_path, "0001", sample("apps", "stdin"))
    folder(tmp_path, "0002", {})
    folder(tmp_path, "0003", sample("apps", "call"))
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    assert load_problem(first).id == "0001"
    assert load_problem(first / "input_output.json").id == "0001"
    assert load_problem(tmp_path, problem_id="0003").id == "0003"
    problems = load_problems(tmp_path)
    assert next(problems).id == "0001"
    with pytest.raises(ProblemError, match=r"0002/input_output.json: no cases"):
        next(problems)
    assert next(problems).id == "0003"
    assert next(problems, None) is None


def test_folder_without_tests(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match=r": a folder without input_output.json"):
        load_problem(tmp_path)


@pytest.mark.parametrize("content", ["", {}, "{}", '""', None])
def test_no_cases(content: Any) -> None:
    with pytest.raises(ProblemError, match="input_output: no cases"):
        load_problem({"input_output": content})
