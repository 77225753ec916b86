"""What the figures have in common: rounds in turn, medians, and how a result is shown."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click

import codefeedback as cf

_Item = TypeVar("_Item")

#: One tiny program, whose own work is next to nothing.
TINY = "print(sum(map(int, input().split())))\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number and its target. `ours` and `theirs` are one measurement per round; without
    `theirs` the number is the median of ours itself."""

    name: str
    unit: str
    ours: Sequence[float]
    theirs: Sequence[float] = ()
    target: float
    at_least: bool = False
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def value(self) -> float:
        ours = statistics.median(self.ours)
        return ours / statistics.median(self.theirs) if self.theirs else ours

    @property
    def met(self) -> bool:
        return self.value >= self.target if self.at_least else self.value <= self.target

    def best(self, values: Sequence[float]) -> float:
        """The round that was disturbed least."""
        return max(values) if self.at_least else min(values)

    def show(self) -> str:
        wanted = f"(target {'>=' if self.at_least else '<='} {self.target:g})"
        verdict = "met" if self.met else "MISSED"
        if not self.theirs:
            return f"{self.name}: {self.value:.4g} {self.unit} {wanted} {verdict}"
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        ratios = [a / b for a, b in zip(self.ours, self.theirs, strict=True)]
        return (
            f"{self.name}: {ours:.4g} vs {theirs:.4g} {self.unit} "
            f"-> ratio {self.value:.2f} {wanted} {verdict}\n"
            f"  medians [quartiles] of {len(ratios)} rounds: ours {spread(self.ours)}, "
            f"theirs {spread(self.theirs)}, ratio {spread(ratios)}\n"
            f"  best rounds: {self.best(self.ours):.4g} vs {self.best(self.theirs):.4g} "
            f"-> ratio {self.best(self.ours) / self.best(self.theirs):.2f}"
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "figure": self.name,
            "unit": self.unit,
            "value": self.value,
            "target": self.target,
            "at_least": self.at_least,
            "met": self.met,
            "ours": list(self.ours),
            "theirs": list(self.theirs),
            **self.more,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "python": platform.python_version(),
            "kernel": platform.release(),
            "processors": os.cpu_count(),
        }


def spread(values: Sequence[float]) -> str:
    """Median [lower quartile, upper quartile]."""
    middle = statistics.median(values)
    if len(values) < 2:
        return f"{middle:.4g}"
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.4g} [{low:.4g}, {high:.4g}]"


def alternate(rounds: int, *sides: Callable[[], float]) -> list[list[float]]:
    """What each side measures, in turn: whatever disturbs the machine disturbs all of them."""
    for side in sides:
        side()  # the first time of each pays for what is set up once
    measured: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for numbers, side in zip(measured, sides, strict=True):
            numbers.append(side())
    return measured


class Stopwatch:
    seconds = 0.0


@contextmanager
def timed() -> Iterator[Stopwatch]:
    watch, started = Stopwatch(), time.perf_counter()
    yield watch
    watch.seconds = time.perf_counter() - started


def publish(figure: Figure, json_file: Path | None) -> None:
    click.echo(figure.show())
    for name, value in figure.more.items():
        click.echo(f"  {name.replace('_', ' ')}: {value}")
    if json_file is not None:
        with json_file.open("a") as file:
            file.write(json.dumps(figure.to_dict()) + "\n")


def check(right: bool, what: str) -> None:
    """A figure about wrong results is worth nothing."""
    if not right:
        raise click.ClickException(f"wrong results, so that there is no figure: {what}")


def tiny_inputs(count: int) -> list[tuple[str, str]]:
    """(input, answer) of each case of `TINY`."""
    rows = [[number, number + 1, 7 * number] for number in range(count)]
    return [(" ".join(map(str, row)) + "\n", str(sum(row))) for row in rows]


def tiny_problem(cases: int) -> cf.Problem:
    return cf.load_problem(
        {
            "cases": [
                {"stdin": stdin, "expected_stdout": answer} for stdin, answer in tiny_inputs(cases)
            ]
        }
    )


def accepted(result: cf.Report | cf.Ungraded, cases: int) -> bool:
    return isinstance(result, cf.Report) and result.score.passed == result.score.total == cases


def data_folder() -> Path:
    """The folder that CODEFEEDBACK_DATA names."""
    folder = os.environ.get("CODEFEEDBACK_DATA")
    if not folder:
        raise click.ClickException("set CODEFEEDBACK_DATA to the folder with the public data sets")
    return Path(folder)


@dataclass(frozen=True, slots=True)
class Sample:
    """A program by CodeGen-16B; `row` and `raw` are the sample and its problem as published."""

    row: dict[str, Any]
    raw: dict[str, Any]
    problem: cf.Problem

    @property
    def program(self) -> str:
        return str(self.problem.prompt + self.row["completion"])

    @property
    def label(self) -> str:
        return f"{self.row['task_id']} sample {self.row['sample']}"


def codegen_samples(limit: int | None) -> list[Sample]:
    """All samples, or `limit` of them spread evenly."""
    folder = data_folder() / "humaneval"
    problems = {problem.id: problem for problem in cf.load_problems(folder / "problems.jsonl")}
    raw = {row["task_id"]: row for row in _rows(folder / "problems.jsonl")}
    rows = _rows(folder / "codegen16b_samples.jsonl")
    return [
        Sample(row, raw[row["task_id"]], problems[row["task_id"]]) for row in evenly(rows, limit)
    ]


def evenly(items: Sequence[_Item], limit: int | None) -> list[_Item]:
    count = len(items) if limit is None else min(limit, len(items))
    return [items[number * len(items) // count] for number in range(count)]


def _rows(path: Path) -> list[dict[str, Any]]:
    with path.open() as file:
        return [json.loads(line) for line in file]
