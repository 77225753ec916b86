"""Compares the places that are blamed with those that CPython itself names.

    python benchmarks/error_lines.py check
    python benchmarks/error_lines.py check --python 3.8=/opt/python3.8/bin/python3
    python benchmarks/error_lines.py capture

Each folder of tests/data/errors holds a program that goes wrong and traces.json: what CPython 3.8
to 3.13 print of it. `check` grades every program under every interpreter found here and exits with
1 when a line or an exception class differs without a reason in exceptions.json. `capture` writes
traces.json again. Interpreters are looked for on PATH and in pyenv's folder.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

import codefeedback as cf
from codefeedback.sandbox.interface import Execution, Script

DATA = Path(__file__).parent.parent / "tests" / "data" / "errors"
VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
NAME = "program.py"
PROBLEM = {"cases": [{"stdin": "", "expected_stdout": ""}]}
LIMITS = cf.Limits(cpu_seconds=5, wall_seconds=15)

_HEADER = re.compile(
    r"(?P<bars>(?:  )*(?:\| |\+ )?)(?:Exception Group )?Traceback \(most recent ca"
)
_PLACE = re.compile(rf'\s*File "{re.escape(NAME)}", line (?P<line>\d+)(?P<function>, in )?')
_ERROR = re.compile(r"(?P<type>[^\W\d][\w.<>]*)(?:: (?P<message>.*))?", re.DOTALL)
_UNPLACED = re.compile(r"[A-Z]\w*(Error|Warning|Exit|Interrupt|Iteration)(: |$)")
_LINE_IN_MESSAGE = re.compile(r"Non-UTF-8 code starting with .* on line (\d+), but no encoding")
_MEMBER = re.compile(r"\s*\+(-\+)?-{16}( (\d+|\.\.\.) )?-{16}")
_RULE = re.compile(r"(\s*)[|+] ?")
# What CPython says in front of tracebacks that do not end the program.
_ASIDE = ("Exception ignored", "Error in ")


# --- what CPython prints ------------------------------------------------------------------------


def interpreters(given: Sequence[str] = ()) -> dict[str, str]:
    """The interpreter of each version that is found here, or only those `given` (3.8=PATH)."""
    if given:
        return dict(item.split("=", 1) for item in given)
    found = {version: _interpreter(version) for version in VERSIONS}
    return {version: path for version, path in found.items() if path is not None}


def _interpreter(version: str) -> str | None:
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [sys.executable] if version == own else []
    candidates += [path for path in [shutil.which(f"python{version}")] if path is not None]
    candidates += [str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python3"))]
    return next((path for path in candidates if full_version(path).startswith(version + ".")), None)


def full_version(python: str) -> str:
    """As ``3.8.18``; empty for what is no CPython that runs."""
    code = "import platform; print(platform.python_implementation(), platform.python_version())"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    name, _, version = done.stdout.strip().partition(" ")
    return version if name == "CPython" else ""


def printed(python: str, folder: Path) -> tuple[int, str]:
    """The exit status of the folder's program, and what it leaves on stderr."""
    done = subprocess.run(
        [python, "-X", "utf8", "-s", "-E", "-B", NAME],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=10,
        check=False,
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
    )
    text = done.stderr.decode("utf-8", "backslashreplace")
    text = text.replace(str(folder / NAME), NAME)
    text = re.sub(r"(?<=[\"'( ])/[^\"'( ]*/lib/(?=python3\.\d+/)", "/usr/lib/", text)
    return done.returncode, re.sub(r"\b0x[0-9a-f]{6,}", "0x0", text)


def entry_of(status: int, stderr: str) -> dict[str, Any] | None:
    """What traces.json says of a run; None of a program that ends well."""
    if status == 0:
        return None
    return {**_told(stderr), "stderr": stderr}


def _told(stderr: str) -> dict[str, Any]:
    lines = stderr.split("\n")
    starts = [n for n, line in enumerate(lines) if _is_header(lines, n, line)]
    if starts:
        return _traceback(lines[starts[-1]], lines[starts[-1] + 1 :])
    return _compiler_error(lines)


def _is_header(lines: list[str], number: int, line: str) -> bool:
    match = _HEADER.match(line)
    outermost = match is not None and match["bars"] in ("", "  + ")
    return outermost and not (number and lines[number - 1].startswith(_ASIDE))


def _traceback(header: str, body: list[str]) -> dict[str, Any]:
    if not header.startswith("  + "):
        return _plain_traceback(body)
    end = next((n for n, line in enumerate(body) if not line.startswith("  ")), len(body))
    blocks = _blocks(body[:end])
    told = _plain_traceback(blocks[0][1])
    members = _member_lines(blocks)
    return {**told, "members": members or [told["line"]]}


def _blocks(body: list[str]) -> list[tuple[int, list[str]]]:
    """(depth, lines) of the group itself and of what is printed of its members."""
    blocks: list[tuple[int, list[str]]] = [(2, [])]
    for line in body:
        rule = _RULE.match(line)
        if _MEMBER.match(line) or rule is None:
            depth = len(line) - len(line.lstrip()) + 2 * ("+-+" in line)
            blocks.append((depth, []))
        else:
            blocks[-1][1].append(line[rule.end() :])
    return [block for block in blocks if block[1]]


def _member_lines(blocks: list[tuple[int, list[str]]]) -> list[int]:
    """The lines of the innermost members; a group whose members have none stands for them."""
    rest = blocks[1:]
    found: list[int] = []
    while rest:
        inner = rest[0][0]
        size = next((n for n in range(1, len(rest)) if rest[n][0] <= inner), len(rest))
        member, rest = rest[:size], rest[size:]
        own = _plain_traceback(member[0][1])["line"]
        lines = _member_lines(member) or ([own] if own is not None else [])
        found += [line for line in lines if line not in found]
    return found


def _plain_traceback(body: list[str]) -> dict[str, Any]:
    line = None
    for number, text in enumerate(body):
        match = _PLACE.match(text)
        if match and match["function"]:
            line = int(match["line"])
        elif text and not text[0].isspace() and not _HEADER.match(text):
            return {**_error(body[number:]), "line": line}
    return {"type": None, "message": None, "line": line}


def _compiler_error(lines: list[str]) -> dict[str, Any]:
    line = None
    for number, text in enumerate(lines):
        match = _PLACE.match(text)
        if match:
            line = int(match["line"])
        elif _UNPLACED.match(text):
            named = _LINE_IN_MESSAGE.search(text)
            return {**_error(lines[number:]), "line": int(named[1]) if named else line}
    return {"type": None, "message": None, "line": line}


def _error(lines: list[str]) -> dict[str, Any]:
    end = next((n for n, line in enumerate(lines) if line.startswith(_ASIDE)), len(lines))
    match = _ERROR.fullmatch("\n".join(lines[:end]).rstrip("\n"))
    if match is None:
        return {"type": None, "message": lines[0]}
    return {"type": match["type"].rpartition(".")[2], "message": match["message"] or ""}


# --- what codefeedback says ---------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Case:
    """A program under one version: what CPython says, and what we mean to say otherwise."""

    slug: str
    version: str
    program: cf.Source
    entry: Mapping[str, Any] | None
    exception: Mapping[str, Any] | None

    @property
    def expected_lines(self) -> list[int]:
        if self.exception is not None:
            lines = [self.exception["line"]]
        elif self.entry is not None:
            lines = self.entry.get("members", [self.entry["line"]])
        else:
            lines = []
        return [line for line in lines if line is not None]

    @property
    def expected_kinds(self) -> tuple[str, ...]:
        if self.exception is not None and "kind" in self.exception:
            return (self.exception["kind"],)
        if self.entry is None:
            return ()
        if self.entry["type"] is None:
            return ("SystemExit", "ExitStatus", "KilledBySignal")
        return (self.entry["type"],)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a case compares. `scope` is None for a program that goes wrong nowhere."""

    case: Case
    scope: cf.Scope | None
    kinds: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()

    @property
    def right(self) -> bool:
        return self.kind_right and self.line_right

    @property
    def kind_right(self) -> bool:
        if not self.kinds:
            return not self.case.expected_kinds
        return self.kinds[0] in self.case.expected_kinds

    @property
    def line_right(self) -> bool:
        return sorted(set(self.lines)) == sorted(set(self.case.expected_lines))

    def __str__(self) -> str:
        case = self.case
        return (
            f"{case.version} {case.slug}: {self.scope} {'/'.join(self.kinds)} {list(self.lines)}, "
            f"expected {'/'.join(case.expected_kinds)} {case.expected_lines}"
        )


def cases_of(version: str) -> Iterator[Case]:
    """The programs whose behaviour under `version` is known."""
    exceptions = json.loads((DATA / "exceptions.json").read_text())
    for path in sorted(DATA.glob("*/traces.json")):
        traces = json.loads(path.read_text())
        if version in traces:
            stated = exceptions.get(path.parent.name, {})
            yield Case(
                slug=path.parent.name,
                version=version,
                program=cf.Source((path.parent / NAME).read_bytes(), NAME),
                entry=traces[version],
                exception=stated.get(version, stated.get("all")),
            )


def outcome_of(case: Case, report: cf.Report, sandbox: cf.Sandbox) -> Outcome:
    """What the report says; where its finding names no line, what the run itself says."""
    if not report.findings:
        return Outcome(case=case, scope=None)
    finding = report.findings[0]
    if finding.scope is cf.Scope.LINE:
        lines = tuple(span.start_line for span in finding.spans)
    else:
        lines = tuple(raw_lines(sandbox.run(Script(program=case.program), LIMITS)))
    return Outcome(case=case, scope=finding.scope, kinds=(finding.kind,), lines=lines)


def raw_lines(execution: Execution) -> list[int]:
    """The place in a run's exception that its finding, of the whole program or none, leaves out."""
    trace = execution.trace
    if trace is None:
        return []
    if trace.deepest is not None:
        return [trace.deepest.line]
    syntax = trace.syntax
    here = syntax is not None and syntax.file in (None, NAME)
    return [syntax.line] if here and syntax is not None and syntax.line else []


def outcomes(cases: Sequence[Case], python: str, workers: int) -> Iterator[Outcome]:
    """How programs compare that all ran under one interpreter."""
    with (
        cf.LocalSandbox(python=python, workers=workers) as sandbox,
        cf.Grader(
            sandbox=sandbox, workers=workers, limits=LIMITS, allow_weak_sandbox=True
        ) as grader,
    ):
        results = grader.grade_many((case.program, PROBLEM) for case in cases)
        for case, report in zip(cases, results, strict=True):
            if isinstance(report, cf.Report):
                yield outcome_of(case, report, sandbox)
            else:
                yield Outcome(case=case, scope=None, kinds=("not graded", report.reason))


# --- commands -----------------------------------------------------------------------------------


_PYTHON = click.option(
    "--python", "given", multiple=True, help="an interpreter, as 3.8=PATH (default: all found)"
)


@click.group(help=__doc__)
def main() -> None:
    pass


@main.command()
@_PYTHON
@click.option("--workers", default=2, show_default=True)
@click.option("--program", "only", help="of programs whose name contains this")
def capture(given: tuple[str, ...], workers: int, only: str | None) -> None:
    """Writes traces.json anew, with what the interpreters print."""
    found = interpreters(given)
    folders = [path.parent for path in sorted(DATA.glob(f"*/{NAME}"))]
    chosen = [folder for folder in folders if only is None or only in folder.name]
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(lambda folder: _capture(folder, found), chosen):
            pass
    if only is None:
        _update(DATA / "interpreters.json", {key: full_version(found[key]) for key in found})


def _capture(folder: Path, found: Mapping[str, str]) -> None:
    traces = {version: entry_of(*printed(python, folder)) for version, python in found.items()}
    _update(folder / "traces.json", traces)


def _update(path: Path, new: Mapping[str, Any]) -> None:
    """Versions that were not run keep what is known of them."""
    known = json.loads(path.read_text()) if path.exists() else {}
    known.update(new)
    ordered = {version: known[version] for version in VERSIONS if version in known}
    path.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")


@main.command()
@_PYTHON
@click.option("--workers", default=2, show_default=True)
@click.option("--verbose", is_flag=True, help="list the findings that name no line as well")
def check(given: tuple[str, ...], workers: int, verbose: bool) -> None:
    """Compares lines and exception classes with what CPython prints."""
    heads = ("", "erring", "line right", "kind right", "no line", "whole/none", "stated", "wrong")
    click.echo("".join(f"{head:>12}" for head in heads))
    wrong: list[Outcome] = []
    apart: dict[str, list[str]] = {}
    for version, python in interpreters(given).items():
        found = list(outcomes(list(cases_of(version)), python, workers))
        counts = _counts(found)
        click.echo("".join(f"{value:>12}" for value in (version, *counts.values())))
        wrong += [outcome for outcome in found if not outcome.right]
        for outcome in found:
            if outcome.scope in (cf.Scope.GLOBAL, cf.Scope.IGNORE):
                text = f"{outcome.scope} {outcome.kinds[0]} {outcome.case.slug}"
                apart.setdefault(text, []).append(version)
    if verbose:
        click.echo("\nFindings that name no line (compared by the line of the exception):")
        for text in sorted(apart):
            click.echo(f"  {text}: {' '.join(apart[text])}")
    for outcome in wrong:
        click.echo(str(outcome))
    sys.exit(1 if wrong else 0)


def _counts(found: Sequence[Outcome]) -> dict[str, int]:
    erring = [outcome for outcome in found if outcome.case.entry is not None]
    counts = Counter(
        {
            "erring": len(erring),
            "line": sum(item.line_right and bool(item.lines) for item in erring),
            "kind": sum(item.kind_right for item in erring),
            "no line": sum(item.line_right and not item.lines for item in erring),
            "apart": sum(item.scope in (cf.Scope.GLOBAL, cf.Scope.IGNORE) for item in erring),
            "stated": sum(item.case.exception is not None for item in found),
            "wrong": sum(not item.right for item in found),
        }
    )
    return dict(counts)


if __name__ == "__main__":
    main()
