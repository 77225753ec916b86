"""Measures how well the lines that `blame` names are those with the fault.

    CODEFEEDBACK_DATA=FOLDER python benchmarks/blame.py
    CODEFEEDBACK_DATA=FOLDER python benchmarks/blame.py --limit 100 --per-problem 2 --seed 7
    CODEFEEDBACK_DATA=FOLDER python benchmarks/blame.py --pick change

Faults are made: one line of a reference of HumanEval or MBPP is changed (benchmarks/mutants.py),
and kept if the program then gives a wrong answer in one test and passes another. Ties count as the
mean over all orders. Where no line is named (declined), all that failing tests ran are tied.

By default the lines of a program are equally likely to be changed, as in the random orders.
``--pick change`` makes all changes equally likely, and so those to lines with much code: such lines
run in every test more often, so that formulas do worse. The row with ties broken by the amount of
code on a line is an experiment: it guesses what was changed, and knows the kinds of changes.
"""

from __future__ import annotations

import ast
import os
import random
import sys
import time
import types
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click
from mutants import Mutant, code_sizes, mutants

import codefeedback as cf
from codefeedback.analysis.blame import FORMULAS, Observation, localise, observe
from codefeedback.sandbox.commands import command_for

_SETS = ("humaneval", "mbpp")
_TARGET = 2.0
_BY_SIZE = "ochiai, ties by amount of code"
_RANDOM = ("random, lines of failing tests", "random, all executable lines")
# Enough for tests that take a moment; most mutants that run longer loop for ever.
_LIMITS = cf.Limits(cpu_seconds=0.2, wall_seconds=1.0)
_TRIES = 12  # mutants that are run for each one that is kept, at most


@dataclass(frozen=True, slots=True)
class Rank:
    """Where the changed line comes: behind `better` lines, and tied with some (itself included)."""

    better: int
    tied: int

    @property
    def mean(self) -> float:
        return self.better + (self.tied + 1) / 2

    def within(self, count: int) -> float:
        """The chance to be among the first ones."""
        return min(1.0, max(0.0, (count - self.better) / self.tied))


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one mutant that was kept."""

    dataset: str
    kind: str
    ranks: Mapping[str, Rank]
    declined: frozenset[str]  # the formulas that named no line


def executable_lines(text: str) -> frozenset[int]:
    """The lines with code, without those of docstrings."""
    texts = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    found, waiting = set[int](), [compile(text, "program", "exec", dont_inherit=True)]
    while waiting:
        code = waiting.pop()
        waiting += [each for each in code.co_consts if isinstance(each, types.CodeType)]
        found |= {line for _, _, line in code.co_lines() if line}
    return frozenset(found - texts)


def rank_of(line: int, scores: Mapping[int, float], executable: frozenset[int]) -> Rank:
    """Of the line among all executable lines: those without a score come last, tied."""
    if line in scores:
        score = scores[line]
        better = sum(other > score for other in scores.values())
        return Rank(better, sum(other == score for other in scores.values()))
    return Rank(len(scores), max(1, len(executable - scores.keys())))


def ranks_of(
    mutant: Mutant, observations: Sequence[Observation]
) -> tuple[dict[str, Rank], frozenset[str]]:
    """By formula and for random orders; and which formulas named no line."""
    executable = executable_lines(mutant.text)
    failing = frozenset[int]().union(*(each.lines for each in observations if not each.passed))
    tied = dict.fromkeys(failing, 1.0)
    ranks, declined = {}, set()
    for formula in FORMULAS:
        blamed = localise(observations, formula)
        if not blamed.suspicions:
            declined.add(formula)
        scores = {each.line: each.score for each in blamed.suspicions} or tied
        ranks[formula] = rank_of(mutant.line, scores, executable)
        if formula == "ochiai":
            # Less than the smallest difference of scores that differ.
            sizes = code_sizes(mutant.text)
            finer = {line: score + 1e-12 * sizes[line] for line, score in scores.items()}
            ranks[_BY_SIZE] = rank_of(mutant.line, finer, executable)
    ranks[_RANDOM[0]] = rank_of(mutant.line, tied, executable)
    ranks[_RANDOM[1]] = Rank(0, max(1, len(executable)))
    return ranks, frozenset(declined)


_grader: cf.Grader | None = None


def of_problem(
    dataset: str, problem: cf.Problem, keep: int, seed: int, by_line: bool
) -> list[Found | str]:
    """Mutants that were kept, and why others were not."""
    global _grader
    if _grader is None:
        _grader = cf.Grader(limits=_LIMITS, allow_weak_sandbox=True)
    found: list[Found | str] = []
    kept = 0
    text = str(problem.reference)
    made = mutants(text, f"{seed} {dataset} {problem.id}", by_line)
    for mutant in made[: _TRIES * keep]:
        observations = _observed(_grader, mutant, problem)
        if isinstance(observations, str):
            found.append(observations)
            continue
        found.append(Found(dataset, mutant.kind, *ranks_of(mutant, observations)))
        kept += 1
        if kept == keep:
            break
    return found


def _observed(
    grader: cf.Grader, mutant: Mutant, problem: cf.Problem
) -> Sequence[Observation] | str:
    """What was observed of a mutant; why it is not kept."""
    source = cf.Source(mutant.text)
    cases = grader.grade(source, problem).cases
    verdicts = {case.verdict for case in cases}
    if verdicts == {cf.Verdict.AC}:
        return "passes every test"
    if cf.Verdict.WA not in verdicts:
        return "raises, or hits a limit"
    runs = [
        (result.name, command_for(case, problem, source), result.verdict is cf.Verdict.AC)
        for result, case in zip(cases, problem.cases, strict=True)
        if result.verdict in (cf.Verdict.AC, cf.Verdict.WA)
    ]
    observations = observe(grader.sandbox, runs, _LIMITS)
    if len({each.passed for each in observations}) < 2:
        return "no test passes beside one that fails"
    return observations


def table(found: Sequence[Found]) -> Iterator[str]:
    """One line per formula and random order."""
    yield f"{'':33}{'top-1':>7}{'top-3':>8}{'mean rank':>11}{'top-1 over random (a), (b)':>29}"
    at_first = {
        name: _mean(each.ranks[name].within(1) for each in found) for name in found[0].ranks
    }
    for name, first in at_first.items():
        third = _mean(each.ranks[name].within(3) for each in found)
        mean = _mean(each.ranks[name].mean for each in found)
        ratios = ", ".join(f"{first / at_first[other]:.2f}" for other in _RANDOM)
        yield f"{name:33}{first:7.1%}{third:8.1%}{mean:11.2f}{ratios:>29}"
    for formula in FORMULAS:
        declined = sum(formula in each.declined for each in found)
        yield f"declined by {formula}: {declined} of {len(found)} ({declined / len(found):.1%})"


def _mean(values: Iterator[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)


def show(results: Sequence[Found | str]) -> None:
    found = [each for each in results if isinstance(each, Found)]
    if not found:
        raise click.ClickException("no mutant was kept")
    for name, some in [
        ("all", found),
        *((name, [each for each in found if each.dataset == name]) for name in _SETS),
        ("not declined by ochiai", [each for each in found if "ochiai" not in each.declined]),
    ]:
        if some:
            click.echo(f"\n{name}: {len(some)} mutants")
            for line in table(some):
                click.echo(f"  {line}")
    kinds = Counter(each.kind for each in found)
    click.echo(f"\nkinds: {', '.join(f'{kind} {count}' for kind, count in kinds.most_common())}")
    left = Counter(each for each in results if isinstance(each, str))
    click.echo(f"not kept: {', '.join(f'{why} {count}' for why, count in left.most_common())}")
    for name in _RANDOM:
        ours, theirs = (
            _mean(each.ranks[which].within(1) for each in found) for which in ("ochiai", name)
        )
        verdict = "met" if ours >= _TARGET * theirs else "MISSED"
        ratio = f"ratio {ours / theirs:.2f} (target >= {_TARGET:g}) {verdict}"
        click.echo(f"top-1, ochiai vs {name}: {ours:.1%} vs {theirs:.1%} -> {ratio}")


@click.command(help=__doc__)
@click.option("--limit", type=click.IntRange(1), help="so many problems (default: all)")
@click.option("--per-problem", type=click.IntRange(1), default=4, show_default=True)
@click.option("--pick", type=click.Choice(["line", "change"]), default="line", show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True)
def main(limit: int | None, per_problem: int, pick: str, seed: int, workers: int) -> None:
    folder = os.environ.get("CODEFEEDBACK_DATA")
    if not folder:
        click.echo("set CODEFEEDBACK_DATA to the folder with the public data sets", err=True)
        sys.exit(2)
    problems = [
        (name, problem)
        for name in _SETS
        for problem in cf.load_problems(Path(folder) / name / "problems.jsonl")
        if problem.reference
    ]
    random.Random(seed).shuffle(problems)
    started = time.perf_counter()
    results: list[Found | str] = []
    with ProcessPoolExecutor(workers) as pool:
        jobs = [
            pool.submit(of_problem, name, problem, per_problem, seed, pick == "line")
            for name, problem in problems[:limit]
        ]
        for job in jobs:
            results += job.result()
    click.echo(
        f"{len(jobs)} problems, seed {seed}, at most {per_problem} mutants of each by {pick}, "
        f"CPython {'.'.join(map(str, sys.version_info[:3]))}, {time.perf_counter() - started:.0f} s"
    )
    show(results)


if __name__ == "__main__":
    main()
