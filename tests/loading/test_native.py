"""The native format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codefeedback.errors import ProblemError
from codefeedback.loading import load_problem
from codefeedback.problems import CallCase, CheckCase, StdinCase

from .format_samples import sample


def load(*cases: Any, **top: Any) -> Any:
    return load_problem({"cases": list(cases), **top})


def test_stdin_case() -> None:
    (case,) = load({"expected_stdout": "2"}).cases
    assert case == StdinCase(name="case 1", stdin="", accepted=("2",))
    problem = load_problem(sample("native", "stdin"))
    assert problem.cases == (StdinCase(name="case 1", stdin="1\n", accepted=("2\n", "2.0\n")),)
    assert (problem.policy, problem.limits, problem.format) == ("strict", {}, "native")


def test_call_cases() -> None:
    problem = load_problem(sample("native", "call"))
    assert problem.cases == (
        CallCase(name="case 1", entry_point="f", args=((1,),), kwargs={"k": {1}}),
        CallCase(name="big", entry_point="f", accepted=(16,)),
        CallCase(name="case 3", entry_point="A.f", accepted=(1, 2), policy="any-of:floats"),
        CallCase(name="case 4", entry_point="f", accepted=(None, 0)),
    )
    assert problem.limits == {"cpu_seconds": 2.5, "memory_bytes": 10**9}
    assert type(problem.limits["memory_bytes"]) is int
    assert (problem.id, problem.policy, problem.prelude) == ("p", "floats", "import math\n")
    assert [item.to_dict() for item in problem.skipped] == [{"what": "a test", "why": "a reason"}]


def test_check_case() -> None:
    problem = load_problem(sample("native", "check"))
    (case,) = problem.cases
    assert isinstance(case, CheckCase)
    assert (case.entry_point, case.setup, problem.prompt) == ("inc", "n = 1", "x")
    assert (problem.policy, problem.checker) == ("checker", "print(1)")


def test_null_is_an_expected_value() -> None:
    (case,) = load({"entry_point": "f", "expected": None}).cases
    assert case.accepted == (None,)


def test_the_schema_key_is_ignored() -> None:
    assert load({"expected_stdout": ""}, **{"$schema": "https://example.org"}).cases


def test_checker_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "check.py").write_text("print('ok')\n", encoding="utf-8")
    (tmp_path / "t.json").write_text(
        '{"cases": [{"expected_stdout": "", "policy": "checker:check.py"}]}', encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path.parent)
    problem = load_problem(tmp_path / "t.json")
    assert problem.checker == "print('ok')\n"
    assert problem.policy == "strict"
    assert getattr(problem.cases[0], "policy") == "checker"  # noqa: B009


def test_only_one_checker(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("a", encoding="utf-8")
    path = tmp_path / "t.json"
    path.write_text(
        '{"cases": [{"expected_stdout": ""}], "checker": "b", "policy": "checker:a.py"}',
        encoding="utf-8",
    )
    with pytest.raises(ProblemError, match="policy: a problem can have only one checker program"):
        load_problem(path)


def test_nan_and_surrogates_survive(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(
        '{"cases": [{"expected_stdout": "\\ud800"}, {"entry_point": "f", "expected": [NaN]}]}',
        encoding="utf-8",
    )
    first, second = load_problem(path).cases
    assert getattr(first, "accepted") == ("\ud800",)  # noqa: B009
    assert repr(getattr(second, "accepted")) == "([nan],)"  # noqa: B009


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"$range": [1, 2, 0]}, 'not a tagged value: {"$range": [1, 2, 0]}'),
        ([1, {"$tuple": [{"$date": 3}]}], 'not a tagged value: {"$date": 3}'),
        ({"$int": "12x"}, 'not a tagged value: {"$int": "12x"}'),
        ({"$set": None}, 'not a tagged value: {"$set": null}'),
        ({"$tupel": []}, 'unknown tag "$tupel"'),
    ],
)
def test_bad_values(value: Any, reason: str) -> None:
    with pytest.raises(ProblemError) as caught:
        load({"entry_point": "f", "expected": value})
    assert str(caught.value) == f"cases[0].expected: {reason}"


@pytest.mark.parametrize("name", ["f(x)", "a.", ".a", "1a", "a b", "a\n", "é-"])
def test_entry_points(name: str) -> None:
    with pytest.raises(ProblemError, match="expected the name of a function"):
        load({"entry_point": name, "expected": 1})
