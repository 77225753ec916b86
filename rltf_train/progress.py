"""What a person sees of a run: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

SECONDS = 20.0  #: between lines where no terminal shows a bar


class Progress:
    """One stage at a time. Says nothing where `visible` is False."""

    def __init__(self, *, visible: bool) -> None:
        self._console = Console(quiet=not visible, stderr=True, highlight=False)
        self._bar = Bar(
            TextColumn("{task.description:>8}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            disable=not (visible and self._console.is_terminal),
        )
        self._bar.start()
        self._name, self._total, self._done, self._first = "", 0, 0, 0
        self._began = self._said = monotonic()

    def stage(self, name: str, total: int, done: int = 0) -> None:
        for task in self._bar.task_ids:
            self._bar.remove_task(task)
        self._bar.add_task(name, total=total, completed=done, rate="", note="")
        self._name, self._total, self._done, self._first = name, total, done, done
        self._began = self._said = monotonic()

    def advance(self, count: int = 1, note: str = "") -> None:
        self._done += count
        now = monotonic()
        rate = (self._done - self._first) / max(now - self._began, 1e-9)
        for task in self._bar.task_ids:
            self._bar.update(task, completed=self._done, rate=f"{rate:.2f}/s", note=note)
        if not self._console.is_terminal and now - self._said > SECONDS:
            self._said = now
            left = (self._total - self._done) / max(rate, 1e-9)
            told = f"{self._done}/{self._total}, {rate:.2f}/s, {left:.0f} s left"
            self.say(f"{self._name}: {told}  {note}".rstrip())

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)

    def close(self) -> None:
        self._bar.stop()


def summary(numbers: Mapping[str, float], *names: str) -> str:
    """Those of the numbers that are there, for the end of a line."""
    return "  ".join(f"{name} {numbers[name]:.3f}" for name in names if name in numbers)
