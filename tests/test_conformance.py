"""Public programs whose verdict is known; benchmarks/conformance.py grades all of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import codefeedback as cf

DATA = Path(os.environ.get("CODEFEEDBACK_DATA", ""))
pytestmark = pytest.mark.skipif(
    not os.environ.get("CODEFEEDBACK_DATA"), reason="CODEFEEDBACK_DATA names no folder of problems"
)
#: Of 8,200 recorded programs, one in this many.
STRIDE = 40


@pytest.fixture(scope="module")
def grader() -> Iterator[cf.Grader]:
    with cf.Grader(workers=2, limits={"cpu_seconds": 3, "wall_seconds": 10}) as grader:
        yield grader


@pytest.mark.parametrize("name", ["humaneval", "mbpp"])
def test_every_reference_passes(grader: cf.Grader, name: str) -> None:
    problems = list(cf.load_problems(DATA / name / "problems.jsonl"))
    results = grader.grade_many((problem.reference or "", problem) for problem in problems)
    for problem, result in zip(problems, results, strict=True):
        assert isinstance(result, cf.Report) and result.verdict is cf.Verdict.AC, problem.id
        assert result.sandbox.tamper_resistant


@pytest.mark.parametrize("number", ["0001", "2404"])
def test_apps(number: str) -> None:
    folder = DATA / "apps" / number
    problem = cf.load_problem(folder)
    solutions = json.loads((folder / "solutions.json").read_text())
    samples = json.loads((folder / "gen_solutions.json").read_text())
    recorded = {True: "pass", False: "failure", -1: "error", -2: "syntax_error"}
    expected = ["pass"] * len(solutions) + [recorded[sample["result"]] for sample in samples]
    programs = solutions + [sample["code"] for sample in samples]
    with cf.Grader(workers=2, policy="apps") as grader:
        results = list(grader.grade_many((program, problem) for program in programs))
    assert [str(r.outcome) for r in results if isinstance(r, cf.Report)] == expected


def test_codegen_samples_as_openai_judged_them(grader: cf.Grader) -> None:
    problems = {p.id: p for p in cf.load_problems(DATA / "humaneval" / "problems.jsonl")}
    lines = (DATA / "humaneval" / "codegen16b_samples.jsonl").read_text().splitlines()
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines[::STRIDE]]
    items = [(problems[row["task_id"]].prompt + row["completion"], row) for row in rows]
    results = grader.grade_many((text, problems[row["task_id"]]) for text, row in items)
    for (text, row), result in zip(items, results, strict=True):
        assert isinstance(result, cf.Report)
        assert (result.verdict is cf.Verdict.AC) == (row["reference"] == "passed"), row
        if result.verdict in (cf.Verdict.RE, cf.Verdict.CE):
            check_places(result, cf.Source(text))


def check_places(report: cf.Report, source: cf.Source) -> None:
    """A program that raises or does not parse has a finding, and its span is a line's text."""
    assert report.findings
    for finding in report.findings:
        if finding.scope is cf.Scope.LINE:
            for span in finding.spans:
                assert source.text[span.start : span.end] == source.line_text(span.start_line)
