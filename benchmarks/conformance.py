"""Grades public programs whose verdict is known, and prints every disagreement.

    CODEFEEDBACK_DATA=FOLDER python benchmarks/conformance.py references
    CODEFEEDBACK_DATA=FOLDER python benchmarks/conformance.py codegen --workers 2

`references`: every reference solution of HumanEval, MBPP, the LeetCode sample and the APPS folders
must pass, and the verdicts recorded in APPS's gen_solutions.json are compared. `codegen`: 8,200
programs by CodeGen-16B against what OpenAI's own executor said of them. docs/conformance.md has
the results and explains each disagreement.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.progress import track

import codefeedback as cf

# What RLTF's grader recorded, in our words.
_RECORDED = {True: "pass", False: "failure", -1: "error", -2: "syntax_error"}


def data_folder() -> Path:
    """The folder that CODEFEEDBACK_DATA names."""
    folder = os.environ.get("CODEFEEDBACK_DATA")
    if not folder:
        sys.exit("set CODEFEEDBACK_DATA to the folder with the public data sets")
    return Path(folder)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as file:
        for line in file:
            yield json.loads(line)


@click.group(help=__doc__)
def main() -> None:
    pass


@main.command()
@click.option("--workers", default=2, show_default=True)
def references(workers: int) -> None:
    """Reference solutions, and the verdicts recorded for APPS."""
    data = data_folder()
    with cf.Grader(workers=workers) as grader:
        for name in ("humaneval", "mbpp", "leetcode"):
            problems = list(cf.load_problems(data / name / "problems.jsonl"))
            items = [(problem.reference or "", problem) for problem in problems]
            _passing(name, grader, items, [problem.id for problem in problems])
    with cf.Grader(workers=workers, policy="apps") as grader:
        for folder in sorted((data / "apps").iterdir()):
            problem = cf.load_problem(folder)
            solutions = json.loads((folder / "solutions.json").read_text())
            labels = [f"solution {number}" for number in range(len(solutions))]
            _passing(f"apps/{folder.name}", grader, [(s, problem) for s in solutions], labels)
            _recorded(folder, grader, problem)


def _passing(
    name: str, grader: cf.Grader, items: list[tuple[str, cf.Problem]], labels: list[str]
) -> None:
    started, passed, unsafe = time.perf_counter(), 0, 0
    for label, result in zip(labels, grader.grade_many(items), strict=True):
        if isinstance(result, cf.Report):
            passed += result.verdict is cf.Verdict.AC
            unsafe += not result.sandbox.tamper_resistant
            if result.verdict is not cf.Verdict.AC:
                bad = next(case for case in result.cases if case.verdict is not cf.Verdict.AC)
                click.echo(f"  {name} {label}: {bad.verdict} in {bad.name}: {bad.detail}")
        else:
            click.echo(f"  {name} {label}: ungraded: {result.reason}")
    seconds = time.perf_counter() - started
    click.echo(
        f"{name}: {passed}/{len(items)} references pass in {seconds:.0f} s, "
        f"{unsafe} of them in one process with their tests"
    )


def _recorded(folder: Path, grader: cf.Grader, problem: cf.Problem) -> None:
    samples = json.loads((folder / "gen_solutions.json").read_text())
    agree = 0
    items = [(sample["code"], problem) for sample in samples]
    for number, result in enumerate(grader.grade_many(items)):
        assert isinstance(result, cf.Report), result
        recorded = _RECORDED[samples[number]["result"]]
        agree += result.outcome.value == recorded
        if result.outcome.value != recorded:
            click.echo(
                f"  apps/{folder.name} sample {number}: recorded {recorded} "
                f"({samples[number]['error_type']}), ours {result.outcome.value}: "
                f"{result.cases[0].detail}"
            )
    click.echo(f"apps/{folder.name}: {agree}/{len(samples)} recorded verdicts reproduced")


@main.command()
@click.option("--workers", default=2, show_default=True)
@click.option("--limit", type=int, help="only the first LIMIT samples")
def codegen(workers: int, limit: int | None) -> None:
    """8,200 CodeGen-16B programs against OpenAI's executor."""
    data = data_folder()
    problems = {
        problem.id: problem for problem in cf.load_problems(data / "humaneval" / "problems.jsonl")
    }
    samples = list(rows(data / "humaneval" / "codegen16b_samples.jsonl"))[:limit]
    verdicts: Counter[str] = Counter()
    disagreements, started = [], time.perf_counter()
    # The executor that made the record stopped a program after 3 s.
    with cf.Grader(workers=workers, limits={"cpu_seconds": 3, "wall_seconds": 10}) as grader:
        items = (
            (problems[row["task_id"]].prompt + row["completion"], problems[row["task_id"]])
            for row in samples
        )
        results = grader.grade_indexed(items)
        for index, result in track(results, total=len(samples), disable=not sys.stderr.isatty()):
            row = samples[index]
            verdict = result.verdict.value if isinstance(result, cf.Report) else "ungraded"
            detail = result.cases[0].detail if isinstance(result, cf.Report) else result.reason
            verdicts[verdict] += 1
            if (verdict == "AC") != (row["reference"] == "passed"):
                disagreements.append((row, verdict, detail))
    seconds = time.perf_counter() - started
    for row, verdict, detail in disagreements:
        click.echo(
            f"  {row['task_id']} sample {row['sample']}: recorded {row['reference']!r}, "
            f"ours {verdict}: {detail}"
        )
    share = 1 - len(disagreements) / len(samples)
    click.echo(f"verdicts: {dict(verdicts.most_common())}")
    click.echo(
        f"{len(samples)} samples in {seconds:.0f} s: {share:.3%} agree, "
        f"{len(disagreements)} disagree"
    )


if __name__ == "__main__":
    main()
