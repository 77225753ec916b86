"""Figures about speed: each a ratio of two things measured in turn."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import click
from measuring import TINY, Figure, accepted, alternate, check, spread, timed, tiny_inputs
from measuring import tiny_problem as problem_of

import codefeedback as cf
from codefeedback.guest import channel
from codefeedback.sandbox import worker
from codefeedback.sandbox.commands import command_for
from codefeedback.sandbox.process import ProcessWorker

_FLOOR_GUEST = Path(__file__).resolve().with_name("floor_guest.py")
_MILLI = 1e3
_FLOOR_SECONDS = 600.0  # a long time, for which nobody waits


class Floor:
    """A zygote that forks and does nothing, set up exactly as those of `sandbox`."""

    def __init__(self, sandbox: cf.Sandbox) -> None:
        if not isinstance(sandbox, cf.LocalSandbox):
            raise click.ClickException("only the local sandbox has a zygote")
        ours, worker.GUEST = worker.GUEST, _FLOOR_GUEST
        try:
            self._worker = ProcessWorker(
                sandbox._python, sandbox._settings, in_group=sandbox._in_groups
            )
        finally:
            worker.GUEST = ours

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._worker.close()

    def seconds(self, forks: int) -> float:
        self._worker._send(channel.frame({"forks": forks}))
        return float(self._worker._hear(_FLOOR_SECONDS)["seconds"])


def floor(rounds: int, cases: int) -> list[Figure]:
    """A case over a fork, its exit and its wait."""
    problem = problem_of(cases)
    commands = [command_for(case, problem, cf.Source(TINY)) for case in problem.cases]
    answers = [answer.encode() for _, answer in tiny_inputs(cases)]
    with cf.Grader() as grader, Floor(grader.sandbox) as bare:

        def graded() -> float:
            with timed() as watch:
                report = grader.grade(TINY, problem)
            check(accepted(report, cases), "the tiny program")
            return _MILLI * watch.seconds / cases

        def run() -> float:
            with timed() as watch:
                executions = list(grader.sandbox.run_all(commands, cf.Limits()))
            printed = [execution.stdout.strip() for execution in executions]
            check(printed == answers, "the tiny program")
            return _MILLI * watch.seconds / cases

        def forked() -> float:
            return _MILLI * bare.seconds(cases) / cases

        whole, alone, forks = alternate(rounds, graded, run, forked)
    return [
        Figure(name="floor", unit="ms a case", ours=whole, theirs=forks, target=2.0),
        Figure(name="floor, sandbox alone", unit="ms a case", ours=alone, theirs=forks, target=2.0),
    ]


def against_subprocess(rounds: int, cases: int) -> Figure:
    """Cases per second over an interpreter per case."""
    problem = problem_of(cases)
    with cf.Grader() as grader, tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        path = Path(folder) / "solution.py"
        path.write_text(TINY)

        def ours() -> float:
            with timed() as watch:
                report = grader.grade(TINY, problem)
            check(accepted(report, cases), "ours")
            return cases / watch.seconds

        def theirs() -> float:
            printed = []
            with timed() as watch:
                for stdin, _ in tiny_inputs(cases):
                    done = subprocess.run(
                        [sys.executable, "-I", "-S", "-E", path],
                        input=stdin.encode(),
                        capture_output=True,
                        check=True,
                    )
                    printed.append(done.stdout.decode().strip())
            check(printed == [answer for _, answer in tiny_inputs(cases)], "subprocess")
            return cases / watch.seconds

        mine, other = alternate(rounds, ours, theirs)
    return Figure(
        name="subprocess", unit="cases/s", ours=mine, theirs=other, target=6.0, at_least=True
    )


def reuse(rounds: int, cases: int, programs: int) -> Figure:
    """Programs per second with one process per program over one per case."""
    problem = problem_of(cases)
    commands = [command_for(case, problem, cf.Source(TINY)) for case in problem.cases]
    with cf.Grader(reuse=True) as reusing, cf.Grader() as forking:

        def graded(grader: cf.Grader) -> float:
            with timed() as watch:
                reports = [grader.grade(TINY, problem) for _ in range(programs)]
            check(all(accepted(report, cases) for report in reports), "the tiny program")
            return programs / watch.seconds

        def run(reused: bool) -> float:
            with timed() as watch:
                for _ in range(programs):
                    runs = list(forking.sandbox.run_all(commands, cf.Limits(), reuse=reused))
            check(all(run.reused is reused for run in runs), "not run in the way that was asked")
            return programs / watch.seconds

        ours, theirs, alone, alone_forked = alternate(
            rounds,
            lambda: graded(reusing),
            lambda: graded(forking),
            lambda: run(True),
            lambda: run(False),
        )
    ratios = [mine / other for mine, other in zip(alone, alone_forked, strict=True)]
    return Figure(
        name="reuse",
        unit="programs/s",
        ours=ours,
        theirs=theirs,
        target=4.0,
        at_least=True,
        more={"ratio_of_the_sandbox_alone": spread(ratios)},
    )


def workers(rounds: int, cases: int, programs: int) -> Figure:
    """Programs per second with two workers over one."""
    problem = problem_of(cases)
    with cf.Grader(workers=2) as two, cf.Grader(workers=1) as one:

        def graded(grader: cf.Grader) -> float:
            with timed() as watch:
                results = list(grader.grade_many([(TINY, problem)] * programs))
            check(all(accepted(result, cases) for result in results), "the tiny program")
            return programs / watch.seconds

        ours, theirs = alternate(rounds, lambda: graded(two), lambda: graded(one))
    return Figure(
        name="workers", unit="programs/s", ours=ours, theirs=theirs, target=1.7, at_least=True
    )
