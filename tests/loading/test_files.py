"""Files with one problem and with many."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from codefeedback.errors import ProblemError
from codefeedback.loading import load_problem, load_problems

from .format_samples import SAMPLES, sample

ROWS = [sample("humaneval", "row"), sample("mbpp", "row"), sample("native", "stdin")]


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz", "rows.json", "rows.json.gz"])
def test_many_problems(tmp_path: Path, name: str) -> None:
    lines = "\n".join(json.dumps(row) for row in ROWS)
    data = (lines if "jsonl" in name else json.dumps(ROWS)).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    problems = list(load_problems(path))
    assert [problem.id for problem in problems] == ["HumanEval/900", "900", "2"]
    assert [problem.format for problem in problems] == ["humaneval", "mbpp", "native"]
    assert load_problem(path, problem_id="900") == problems[1]
    assert load_problem(path, problem_id="2") == problems[2]
    with pytest.raises(ProblemError, match=f"{name}: 3 problems: name one of them by its id"):
        load_problem(path)
    with pytest.raises(ProblemError, match=r'no problem "90" \(did you mean "900"\?\)'):
        load_problem(path, problem_id="90")


def test_one_row(tmp_path: Path) -> None:
    path = write(tmp_path / "one.jsonl", ROWS[:1])
    assert load_problem(path) == load_problem(ROWS[0])
    assert load_problem(str(path), problem_id="HumanEval/900") == load_problem(ROWS[0])


@pytest.mark.parametrize(("kind", "name", "data"), SAMPLES)
def test_one_document(tmp_path: Path, kind: str, name: str, data: Any) -> None:
    path = tmp_path / "tests.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(data).encode())
    assert load_problem(path) == load_problem(data)
    (only,) = load_problems(path)
    assert only.cases == load_problem(data).cases


def test_the_other_rows_may_be_bad(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [ROWS[0], {"id": "bad", "cases": []}, ROWS[1]])
    problems = load_problems(path)
    assert next(problems).id == "HumanEval/900"
    with pytest.raises(ProblemError, match=r"rows.jsonl:2: cases: expected at least one case"):
        next(problems)
    assert next(problems).id == "900"
    assert load_problem(path, problem_id="900").id == "900"


def test_it_is_lazy(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(ROWS[0]) + "\nnot json\n", encoding="utf-8")
    assert next(load_problems(path)).id == "HumanEval/900"


def test_ids_that_occur_twice(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [ROWS[0], ROWS[0]])
    with pytest.raises(ProblemError, match=r"rows.jsonl:2: the id .* is also that of .*:1"):
        list(load_problems(path))


def test_a_string_is_a_path() -> None:
    with pytest.raises(ProblemError, match=r"no such file or folder .a string is a path"):
        load_problem('{"cases": []}')
    for name in ("nowhere.json", "x" * 5000, "\0"):
        with pytest.raises(ProblemError):
            load_problem(name)


def test_other_mappings() -> None:
    assert load_problem(MappingProxyType(ROWS[0])) == load_problem(ROWS[0])


def test_rows_in_memory() -> None:
    assert load_problem(ROWS, problem_id="900").id == "900"
    with pytest.raises(ProblemError, match=r"^3 problems: name one"):
        load_problem(ROWS)


def test_a_folder_is_no_document(tmp_path: Path) -> None:
    (tmp_path / "tests.json").mkdir()
    with pytest.raises(ProblemError, match=r"a folder without input_output.json"):
        load_problem(tmp_path / "tests.json")
