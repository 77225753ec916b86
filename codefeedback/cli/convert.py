"""``codefeedback convert``."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import click

from codefeedback.cli.evaluate import same_file
from codefeedback.cli.failures import tell
from codefeedback.cli.options import FORMAT_NAMES, how_to_read, reading
from codefeedback.errors import UsageError
from codefeedback.loading import load_problem, load_problems, to_native
from codefeedback.problems import Problem, Skipped


@click.command(
    epilog=f"""{FORMAT_NAMES}

\b
Examples:
  codefeedback convert apps/train/0001 -o tests.json
  codefeedback convert HumanEval.jsonl.gz -o problems.jsonl
  codefeedback convert livecodebench.jsonl --allow-pickle --problem 1873_A

\b
Exit status:
  0  converted
  2  bad usage, or bad tests; nothing was written to OUT
  3  we failed"""
)
@click.argument("tests")
@click.option(
    "--problem",
    "problem_id",
    metavar="ID",
    help="Only this problem of a file with several.",
)
@reading
@click.option("-o", "--out", metavar="OUT", help="The file to write.  [default: standard output]")
def convert(tests: str, problem_id: str | None, out: str | None, **settings: Any) -> None:
    """Turn tests of any public format into codefeedback's own.

    One problem becomes a JSON document; several, or a .jsonl file, become one line each. What
    cannot be graded is left out and told on standard error.
    """
    if out is not None and same_file(tests, out):
        raise UsageError(f"--out: {out} is the input; choose another file")
    how = how_to_read(settings)
    if problem_id is not None:
        problems = iter([load_problem(tests, problem_id=problem_id, **how)])
    else:
        problems = load_problems(tests, **how)
    with _written(out) as file:
        for text in _native_texts(problems):
            file.write(text)


def _native_texts(problems: Iterator[Problem]) -> Iterator[str]:
    """The native form of problems: indented where there is one, else one a line."""
    first = list(islice(problems, 2))
    indent = 2 if len(first) == 1 else None
    for problem in chain(first, problems):
        for item in problem.skipped:
            _tell_skipped(problem, item)
        yield json.dumps(to_native(problem), indent=indent) + "\n"


def _tell_skipped(problem: Problem, item: Skipped) -> None:
    name = f"{problem.id}: " if problem.id else ""
    tell(f"skipped: {name}{item.what}: {item.why}")


@contextlib.contextmanager
def _written(path: str | None) -> Iterator[IO[str]]:
    """Standard output; or a file that comes to be, or is replaced, only when all went well."""
    if path is None:
        yield sys.stdout
        return
    folder = Path(path).parent
    try:
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{Path(path).name[:50]}.")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        with open(handle, "w", encoding="utf-8") as file:
            yield file
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
