"""The command ``codefeedback``. The only module that prints and exits.

Reports and summaries go to standard output, everything else to standard error. Exit status: 0 and
1 are said by the command, 2 is a mistake in what we were given, 3 a failure of ours, 130 Ctrl-C.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import sys
import tempfile
import textwrap
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, NoReturn

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

from codefeedback import __version__
from codefeedback.checking.policies import comparable_policies, policy_names
from codefeedback.checking.policies import policy as policy_named
from codefeedback.errors import CodeFeedbackError, SandboxError, UsageError
from codefeedback.evaluation import Evaluation, Problems, ResultsFile, Samples
from codefeedback.formats.excerpt import visible
from codefeedback.formats.summary import render_summary
from codefeedback.formats.text import DEFAULT_WIDTH, render_text
from codefeedback.grading import Grader
from codefeedback.loading import FORMATS, load_problem, load_problems, to_native
from codefeedback.problems import Limits, Problem, Skipped
from codefeedback.results import Ungraded
from codefeedback.sandbox.choose import SANDBOXES
from codefeedback.spans import Source
from codefeedback.verdicts import Verdict

_ACCEPTED, _NOT_ACCEPTED, _BAD_INPUT, _OUR_FAILURE, _INTERRUPTED, _BROKEN_PIPE = (
    0,
    1,
    2,
    3,
    130,
    141,
)
_DEBUG = "CODEFEEDBACK_DEBUG"
_MAX_PROGRAM_BYTES = 64 * 1024**2
_MAX_NAME_BYTES = 200
_SECONDS_BETWEEN_LINES = 10.0
_SHOWN_REASONS = 5
_DEFAULTS = Limits()


# Errors


class _Commands(click.Group):
    """Turns whatever goes wrong into one message and an exit status."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        extra["standalone_mode"] = False
        sys.exit(_guarded(lambda: click.Group.main(self, *args, **extra)))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            _never_fail_to_encode(sys.stdout)
            try:
                return super().invoke(ctx)
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()
        except BrokenPipeError:
            # Who read our output has seen enough. What is still buffered must not be tried again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(_BROKEN_PIPE) from None


def _guarded(command: Callable[[], Any]) -> int:
    try:
        status = command()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return _BAD_INPUT
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "codefeedback"
        return _fail(_BAD_INPUT, error.format_message(), f"see {path} --help")
    except click.ClickException as error:
        return _fail(_BAD_INPUT, error.format_message())
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except SandboxError as error:
        return _fail(_OUR_FAILURE, str(error), "we failed, not the program: it has no verdict")
    except CodeFeedbackError as error:
        return _fail(_BAD_INPUT, str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename is not None else ""
        return _fail(_OUR_FAILURE, f"{place}{error.strerror or error}")
    except Exception as error:
        message = f"unexpected {type(error).__name__}: {error}"
        return _fail(_OUR_FAILURE, message, f"a fault of ours; {_DEBUG}=1 shows the traceback")
    return status if isinstance(status, int) else 0


def _fail(status: int, message: str, hint: str = "") -> int:
    if os.environ.get(_DEBUG):
        traceback.print_exc()
    _tell(f"error: {' '.join(message.split())}")
    if hint:
        click.echo(f"  ({hint})", err=True)
    return status


def _tell(message: str) -> None:
    """One line on standard error."""
    click.echo(f"codefeedback: {visible(message)}", err=True)


def _never_fail_to_encode(stream: Any) -> None:
    """Characters that a narrow encoding lacks are printed as escapes."""
    with contextlib.suppress(AttributeError):
        stream.reconfigure(errors="backslashreplace")


# Options


class _Size(click.ParamType[int]):
    name = "size"
    _UNITS = dict.fromkeys(("", "b"), 1) | {
        f"{letter}{suffix}": base ** (power + 1)
        for power, letter in enumerate("kmgt")
        for suffix, base in (("b", 1000), ("", 1024), ("ib", 1024))
    }

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"\s*([0-9]{1,18}(?:\.[0-9]{1,9})?)\s*([a-zA-Z]*)\s*", value)
        unit = self._UNITS.get(match[2].lower()) if match else None
        if match is None or unit is None:
            self.fail(f"{value!r} is not a size such as 256MB, 1GiB or 1048576", param, ctx)
        return int(float(match[1]) * unit) if "." in match[1] else int(match[1]) * unit


class _Counts(click.ParamType[tuple[int, ...]]):
    name = "numbers"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in value.split(",")]
        if not all(re.fullmatch(r"0*[1-9][0-9]{0,8}", part) for part in parts):
            self.fail(f"{value!r} is not a list of positive numbers such as 1,10,100", param, ctx)
        return tuple(sorted({int(part) for part in parts}))


def _options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_reading = _options(
    click.option(
        "--tests-format",
        metavar="NAME",
        help="The format of the tests (below), where their structure does not tell it.",
    ),
    click.option(
        "--allow-pickle",
        is_flag=True,
        help="Read tests that are packed as a pickle (LiveCodeBench). Nothing in it is executed.",
    ),
)
_grading = _options(
    click.option(
        "--policy",
        metavar="NAME",
        help="How answers are compared (below), instead of the tests' own rule.",
    ),
    click.option(
        "--compare-policies",
        is_flag=True,
        help="Judge the same runs under every other policy too, and show which verdicts differ.",
    ),
    click.option(
        "--cpu-seconds",
        type=float,
        metavar="SECONDS",
        help=f"Processor time per case, else the tests' own or {_DEFAULTS.cpu_seconds:g}.",
    ),
    click.option(
        "--wall-seconds",
        type=float,
        metavar="SECONDS",
        help=f"Time by the clock per case, else the tests' own or {_DEFAULTS.wall_seconds:g}.",
    ),
    click.option(
        "--memory",
        "memory_bytes",
        type=_Size(),
        metavar="SIZE",
        help="Memory per case: 256MB, 1GiB or bytes (MB is 10^6, M and MiB are 2^20 bytes). "
        "Else the tests' own or 1GiB.",
    ),
    click.option(
        "--output-limit",
        "output_bytes",
        type=_Size(),
        metavar="SIZE",
        help="Output per stream and file of a case, else the tests' own or 64MiB.",
    ),
    click.option(
        "--processes",
        type=int,
        metavar="N",
        help=f"Processes and threads per case, else the tests' own or {_DEFAULTS.processes}.",
    ),
    click.option("--fail-fast", is_flag=True, help="Stop at the first case that is not accepted."),
    click.option(
        "--python",
        metavar="PATH",
        help="The interpreter that runs the programs.  [default: the one that runs codefeedback]",
    ),
    click.option(
        "--site-packages",
        is_flag=True,
        help="Let programs import what is installed beside the interpreter (numpy and so on).",
    ),
    click.option(
        "--sandbox",
        type=click.Choice(SANDBOXES),
        default="auto",
        show_default=True,
        help="What keeps programs in their place; auto is the strongest that works here.",
    ),
)
_printing = _options(
    click.option(
        "--format",
        "output_format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="text for people, json (one document) for programs.",
    ),
    click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        show_default=True,
        help="auto: on a terminal, unless NO_COLOR is set.",
    ),
)


def _how_to_read(settings: dict[str, Any]) -> dict[str, Any]:
    """The values of `_reading`'s options."""
    return {name: settings[name] for name in ("tests_format", "allow_pickle")}


def _grader(settings: dict[str, Any], workers: int = 1) -> Grader:
    """A grader for the values of `_grading`'s options."""
    return Grader(
        workers=workers,
        limits=_given_limits(settings),
        policy=settings["policy"],
        sandbox=settings["sandbox"],
        python=settings["python"],
        site_packages=settings["site_packages"],
        fail_fast=settings["fail_fast"],
        compare_policies=comparable_policies() if settings["compare_policies"] else (),
    )


def _given_limits(settings: dict[str, Any]) -> dict[str, float]:
    return {name: settings[name] for name in _DEFAULTS.to_dict() if settings[name] is not None}


# Output


def _is_terminal(stream: Any) -> bool:
    dumb = os.environ.get("TERM") in ("dumb", "unknown")
    return stream is not None and stream.isatty() and not dumb


def _console(color: str) -> Console:
    """Standard output. Not on a terminal, the width and the lack of colour do not vary."""
    terminal = _is_terminal(sys.stdout)
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


def _print_text(console: Console, text: Text) -> None:
    console.print(text, soft_wrap=True)


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2))


def _note_weak_sandbox(grader: Grader) -> None:
    if not grader.sandbox.hides_files:
        name = grader.sandbox.name
        _tell(
            f"note: the {name} sandbox does not hide files of this machine from the program; "
            "see docs/sandbox.md"
        )


@contextlib.contextmanager
def _busy(what: str) -> Iterator[None]:
    """A sign of life on a terminal, for as long as something lasts that cannot be measured."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        bar.add_task(visible(what), total=None)
        yield


class _RateColumn(TextColumn):
    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "")


class _Counter:
    """How far the grading of samples is: a bar on a terminal, else a line now and then."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._terminal = _is_terminal(sys.stderr)
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

    def __enter__(self) -> _Counter:
        self._bar.start()
        if not self._terminal:
            _tell(f"{self._first} of {self._evaluation.total} samples are graded")
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
        _tell(f"{done} of {total} samples are graded, {rate:.1f}/s{left}")


# Commands


def _names(title: str, names: Iterable[str], more: str = "") -> str:
    """A paragraph for the end of a help page."""
    lines = textwrap.wrap(", ".join(names) + more, 94, break_on_hyphens=False)
    return "\n".join(["\b", f"{title}:", *(f"  {line}" for line in lines)])


_FORMAT_NAMES = _names("Formats of tests", FORMATS)
_POLICY_NAMES = _names(
    "Policies",
    policy_names(),
    "; strict where the tests name none. Some take parameters: floats:abs=1e-6,rel=0, "
    "evalplus:atol=1e-6, any-of:tokens",
)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  codefeedback grade solution.py --tests tests.json
  codefeedback evaluate samples.jsonl --problems HumanEval.jsonl.gz --k 1,10 --out results.jsonl
  codefeedback convert apps/train/0001 -o tests.json

'codefeedback COMMAND --help' tells all about a command.""",
)
@click.version_option(__version__, prog_name="codefeedback")
def cli() -> None:
    """Run programs against their tests and say where they went wrong.

    Tests are read in every public format (APPS, HumanEval, MBPP, LiveCodeBench, ...), which is
    recognised by itself. A program is judged case by case: AC accepted, WA wrong answer, CE does
    not compile, RE run-time error, TLE, MLE and OLE over the time, memory or output limit.
    """


@cli.command(
    epilog=f"""{_FORMAT_NAMES}

{_POLICY_NAMES}

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
@_reading
@_grading
@_printing
@click.option("--all-cases", is_flag=True, help="Show every case, however many there are.")
def grade(
    solution: str,
    tests: str,
    problem_id: str | None,
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
    problem = load_problem(tests, problem_id=problem_id, **_how_to_read(settings))
    with _grader(settings) as grader:
        if output_format == "text":
            _note_weak_sandbox(grader)
        with _busy(f"grading {source.name}"):
            report = grader.grade(source, problem)
    if output_format == "json":
        _print_json(report.to_dict())
    else:
        console = _console(color)
        width = min(max(console.width, 60), 120)
        _print_text(console, render_text(report, source, width=width, all_cases=all_cases))
    return _ACCEPTED if report.verdict is Verdict.AC else _NOT_ACCEPTED


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
    return name if 0 < len(name.encode()) <= _MAX_NAME_BYTES else "solution.py"


@cli.command(
    epilog=f"""\b
A line of SAMPLES is an object with the id of its problem (task_id, problem_id, question_id or id)
and either the whole program (solution, program or code) or a completion, which is put behind the
problem's prompt:
  {{"task_id": "HumanEval/0", "completion": "    return 1\\n"}}

\b
Results are appended to the --out file as they come, one report a line. Stopped at any moment, the
same command goes on where it was; results of other samples, problems or settings are refused.
Samples that could not be graded are left out of pass@k, and are tried again by the same command.

{_FORMAT_NAMES}

{_POLICY_NAMES}

\b
Examples:
  codefeedback evaluate samples.jsonl --problems HumanEval.jsonl.gz --k 1,10,100 --out results.jsonl
  codefeedback evaluate samples.jsonl --problems mbpp.jsonl --out try.jsonl --limit 100 --workers 4
  codefeedback evaluate samples.jsonl --problems mbpp.jsonl --out results.jsonl --format json

\b
Exit status:
  0  every sample is graded
  2  bad usage, samples, problems or results file
  3  some samples could not be graded, or we failed"""
)
@click.argument("samples_path", metavar="SAMPLES")
@click.option(
    "--problems",
    "problems_path",
    required=True,
    metavar="PROBLEMS",
    help="The problems: a .json or .jsonl file, gzipped or not, or a folder of APPS folders.",
)
@click.option(
    "--out", "out_path", required=True, metavar="RESULTS", help="Where results are appended."
)
@click.option(
    "--k",
    "ks",
    type=_Counts(),
    default="1",
    show_default=True,
    metavar="K,K,...",
    help="For which k to estimate pass@k (without bias, arXiv 2107.03374).",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Programs at one time.  [default: all processors]",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N samples.")
@click.option(
    "--restart", is_flag=True, help="Throw away the results that --out has, and begin anew."
)
@_reading
@_grading
@_printing
def evaluate(
    samples_path: str,
    problems_path: str,
    out_path: str,
    ks: tuple[int, ...],
    workers: int | None,
    limit: int | None,
    restart: bool,
    output_format: str,
    color: str,
    **settings: Any,
) -> int:
    """Grade many programs and estimate pass@k.

    SAMPLES is a .jsonl file with a program a line. Prints pass@k and the mix of verdicts.
    """
    for path in (samples_path, problems_path):
        if _same_file(path, out_path):
            raise UsageError(f"--out: {out_path} is an input; choose another file for the results")
    with _grader(settings, workers or os.cpu_count() or 1) as grader:
        with _busy(f"reading {samples_path} and {problems_path}"):
            samples = Samples(samples_path, limit=limit)
            loaded = load_problems(problems_path, **_how_to_read(settings))
            problems = Problems.select(loaded, samples)
        evaluation = Evaluation(samples, problems, _recorded(settings, grader))
        if output_format == "text":
            _note_weak_sandbox(grader)
        with ResultsFile(out_path, restart=restart) as results:
            _run(evaluation, grader, results)
    summary = evaluation.summary(ks)
    if output_format == "json":
        _print_json({"results": out_path, **summary.to_dict()})
    else:
        _print_text(_console(color), render_summary(summary))
    return _OUR_FAILURE if summary.ungraded else 0


def _recorded(settings: dict[str, Any], grader: Grader) -> dict[str, Any]:
    """All that could change a result, beside the sample and its problem."""
    return {
        "version": __version__,
        "python": settings["python"] or platform.python_version(),
        "site_packages": settings["site_packages"],
        "sandbox": grader.sandbox.name,
        "tier": grader.sandbox.tier,
        "policy": settings["policy"] and policy_named(settings["policy"]).name,
        "compare_policies": settings["compare_policies"],
        "limits": _given_limits(settings),
        "fail_fast": settings["fail_fast"],
    }


def _run(evaluation: Evaluation, grader: Grader, results: ResultsFile) -> None:
    """Grades what is left to grade, and tells of it on standard error."""
    with _busy(f"reading {results.name}"):
        evaluation.resume(results)
    reasons: Counter[str] = Counter()
    try:
        with _Counter(evaluation) as counter:
            for result in evaluation.run(grader, results):
                counter.one_more()
                if isinstance(result, Ungraded) and (
                    result.reason in reasons or len(reasons) < _SHOWN_REASONS
                ):
                    reasons[result.reason] += 1
    except KeyboardInterrupt:
        done, total = evaluation.graded, evaluation.total
        _tell(f"stopped: {done} of {total} samples are graded, their results are in {results.name}")
        _tell("the same command again goes on from there")
        raise
    for reason, count in reasons.most_common():
        _tell(f"could not be graded, {count} times: {reason}")
    if reasons:
        _tell("the same command again tries those once more")


def _same_file(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except (OSError, ValueError):
        return False


@cli.command(
    epilog=f"""{_FORMAT_NAMES}

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
@_reading
@click.option("-o", "--out", metavar="OUT", help="The file to write.  [default: standard output]")
def convert(tests: str, problem_id: str | None, out: str | None, **settings: Any) -> None:
    """Turn tests of any public format into codefeedback's own.

    One problem becomes a JSON document; several, or a .jsonl file, become one line each. What
    cannot be graded is left out and told on standard error.
    """
    if out is not None and _same_file(tests, out):
        raise UsageError(f"--out: {out} is the input; choose another file")
    how = _how_to_read(settings)
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
    _tell(f"skipped: {name}{item.what}: {item.why}")


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


def main() -> NoReturn:
    """The entry point of the command."""
    cli.main(prog_name="codefeedback")
