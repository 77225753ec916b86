"""``codefeedback grade``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO, Any

import click

from codefeedback.cli.failures import ACCEPTED, NOT_ACCEPTED
from codefeedback.cli.options import (
    FORMAT_NAMES,
    POLICY_NAMES,
    feedback,
    grading,
    how_to_read,
    make_grader,
    printing,
    reading,
)
from codefeedback.cli.output import (
    busy,
    console_for,
    is_terminal,
    note_weak_sandbox,
    print_json,
    print_text,
)
from codefeedback.errors import UsageError
from codefeedback.extraction import extract
from codefeedback.formats.text import render_text
from codefeedback.loading import load_problem
from codefeedback.spans import Source
from codefeedback.verdicts import Verdict

_MAX_PROGRAM_BYTES = 64 * 1024**2
_MAX_NAME_BYTES = 200


@click.command(
    epilog=f"""{FORMAT_NAMES}

{POLICY_NAMES}

\b
Examples:
  codefeedback grade solution.py --tests tests.json
  codefeedback grade solution.py --tests apps/train/0001 --cpu-seconds 2 --memory 256MB
  codefeedback grade - --tests HumanEval.jsonl.gz --problem HumanEval/0 --format json < program.py

\b
Exit status:
  0  every case is accepted
  1  some case is not
  2  bad usage, or bad tests
  3  we failed, and say nothing about the program"""
)
@click.argument("solution")
@click.option(
    "--tests",
    required=True,
    metavar="TESTS",
    help="The tests: a .json or .jsonl file, gzipped or not, or a folder in APPS form.",
)
@click.option(
    "--problem",
    "problem_id",
    metavar="ID",
    help="Which problem of a file with several: its id, or its index from 0 where it has none.",
)
@reading
@grading
@feedback
@click.option(
    "--truncated",
    is_flag=True,
    help="SOLUTION was cut off at its end: a compiler error there blames the whole program.",
)
@printing
@click.option("--all-cases", is_flag=True, help="Show every case, however many there are.")
def grade(
    solution: str,
    tests: str,
    problem_id: str | None,
    truncated: bool,
    output_format: str,
    color: str,
    all_cases: bool,
    **settings: Any,
) -> int:
    """Grade one program.

    SOLUTION is its file, or '-' for standard input. It runs once per case, under limits, and the
    report shows the verdict per case, the parts of the program that are to blame, and its scores.
    """
    source = _read_program(solution)
    problem = load_problem(tests, problem_id=problem_id, **how_to_read(settings))
    # Somebody who looks on sees the note; a service would not.
    with make_grader(settings, allow_weak_sandbox=is_terminal(sys.stderr)) as grader:
        if not settings["allow_weak_sandbox"]:
            note_weak_sandbox(grader)
        with busy(f"grading {source.name}"):
            report = grader.grade(source, problem, truncated=truncated)
    if output_format == "json":
        print_json(report.to_dict())
    else:
        if report.extraction is not None:
            text, _ = extract(source.text, report.extraction.policy, prompt=problem.prompt)
            source = Source(text, source.name)
        console = console_for(color)
        width = min(max(console.width, 60), 120)
        print_text(console, render_text(report, source, width=width, all_cases=all_cases))
    return ACCEPTED if report.verdict is Verdict.AC else NOT_ACCEPTED


def _read_program(path: str) -> Source:
    try:
        if path == "-":
            if sys.stdin is None:
                raise UsageError("standard input is closed")
            return Source(_read_all(sys.stdin.buffer, "standard input"))
        with open(path, "rb") as file:
            return Source(_read_all(file, path), name=_program_name(path))
    except IsADirectoryError:
        raise UsageError(f"{path}: a folder; name the program's file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot be read: {reason}") from None


def _read_all(file: IO[bytes], name: str) -> bytes:
    data = file.read(_MAX_PROGRAM_BYTES + 1)
    if len(data) > _MAX_PROGRAM_BYTES:
        raise UsageError(f"{name}: larger than {_MAX_PROGRAM_BYTES // 1024**2} MiB: not a program")
    return data


def _program_name(path: str) -> str:
    """The file's own name, as far as any machine can have a file of that name."""
    name = os.fsencode(Path(path).name).decode("utf-8", "replace")
    try:
        size = len(os.fsencode(name))
    except UnicodeEncodeError:  # the locale knows ASCII only
        size = 0
    return name if 0 < size <= _MAX_NAME_BYTES else "solution.py"
