"""What commands print, and signs of life."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from codefeedback.cli.failures import tell
from codefeedback.evaluation import Evaluation
from codefeedback.formats.excerpt import visible
from codefeedback.formats.text import DEFAULT_WIDTH
from codefeedback.grading import Grader

_SECONDS_BETWEEN_LINES = 10.0


def is_terminal(stream: Any) -> bool:
    """Whether somebody looks on."""
    dumb = os.environ.get("TERM") in ("dumb", "unknown")
    return stream is not None and stream.isatty() and not dumb


def console_for(color: str) -> Console:
    """Standard output. Not on a terminal, the width and the lack of colour do not vary."""
    terminal = is_terminal(sys.stdout)
    coloured = terminal and not os.environ.get("NO_COLOR") if color == "auto" else color == "always"
    return Console(
        file=sys.stdout,
        force_terminal=coloured,
        color_system="standard" if coloured else None,
        no_color=not coloured,
        width=None if terminal else DEFAULT_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
    )


def print_text(console: Console, text: Text) -> None:
    # Written by us: rich would end the process by itself when nobody reads any more.
    with console.capture() as captured:
        console.print(text, soft_wrap=True)
    click.echo(captured.get(), nl=False, color=True)


def print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2))


def note_weak_sandbox(grader: Grader) -> None:
    if not grader.sandbox.hides_files:
        name = grader.sandbox.name
        tell(
            f"warning: the {name} sandbox cannot hide this machine's files, answers included, "
            "from the program; see codefeedback doctor"
        )


@contextlib.contextmanager
def busy(what: str) -> Iterator[None]:
    """A sign of life on a terminal, for as long as something lasts that cannot be measured."""
    terminal = is_terminal(sys.stderr)
    console = Console(stderr=True, force_terminal=terminal)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not terminal) as bar:
        bar.add_task(visible(what), total=None)
        yield


class _RateColumn(TextColumn):
    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "")


class SampleCounter:
    """How far the grading of samples is: a bar on a terminal, else a line now and then."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._terminal = is_terminal(sys.stderr)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _RateColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True, force_terminal=self._terminal),
            disable=not self._terminal,
        )
        self._first = evaluation.graded
        self._task = self._bar.add_task("grading", total=evaluation.total, completed=self._first)
        self._started = self._told = time.monotonic()

    def __enter__(self) -> SampleCounter:
        self._bar.start()
        if not self._terminal:
            tell(f"{self._first} of {self._evaluation.total} samples are graded")
        return self

    def __exit__(self, *details: object) -> None:
        self._bar.stop()

    def one_more(self) -> None:
        self._bar.advance(self._task)
        now = time.monotonic()
        if self._terminal or now - self._told < _SECONDS_BETWEEN_LINES:
            return
        self._told = now
        done, total = self._evaluation.graded, self._evaluation.total
        rate = (done - self._first) / (now - self._started)
        left = f", about {(total - done) / rate:.0f} s left" if rate else ""
        tell(f"{done} of {total} samples are graded, {rate:.1f}/s{left}")
