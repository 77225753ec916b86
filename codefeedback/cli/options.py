"""Options that several commands have, and what they mean."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

import click

from codefeedback.analysis.blame import FORMULAS
from codefeedback.analysis.extents import GRANULARITIES
from codefeedback.analysis.static import WHEN
from codefeedback.checking.policies import comparable_policies, policy_names
from codefeedback.grading import Grader
from codefeedback.loading import FORMATS
from codefeedback.problems import Limits
from codefeedback.sandbox.choose import SANDBOXES

_DEFAULTS = Limits()


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


class Counts(click.ParamType[tuple[int, ...]]):
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


reading = _options(
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
grading = _options(
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
        help="Idle time per case (sleeping, waiting, not for a processor), else the tests' own or "
        f"{_DEFAULTS.wall_seconds:g}.",
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
        help="Let programs import what is installed beside the interpreter (numpy and so on). In "
        "containers they can import what the image has.",
    ),
    click.option(
        "--sandbox",
        type=click.Choice(SANDBOXES),
        default="auto",
        show_default=True,
        help="What keeps programs in their place; auto is local where that hides this machine's "
        "files, else the strongest that works here.",
    ),
    click.option(
        "--image",
        metavar="NAME",
        help="The image that programs run in with --sandbox docker, instead of the one that "
        "codefeedback sandbox build makes.",
    ),
    click.option(
        "--allow-weak-sandbox",
        is_flag=True,
        help="Grade also where programs can read this machine's files (see codefeedback doctor).",
    ),
    click.option(
        "--preload",
        multiple=True,
        metavar="MODULE",
        help="Import this before any program starts (numpy), so that theirs costs nothing; "
        "implies --site-packages. Can be given several times.",
    ),
    click.option(
        "--reuse",
        is_flag=True,
        help="Run the cases of a program in one process, and by itself again what fails there: "
        "faster, but a case can pass because of what an earlier one left behind.",
    ),
)
feedback = _options(
    click.option(
        "--extract",
        metavar="POLICY",
        help="What is graded is an answer of a model with the program in it, found by last-fence, "
        "first-fence, whole-text or prompt+completion.",
    ),
    click.option(
        "--granularity",
        type=click.Choice(GRANULARITIES),
        default="line",
        show_default=True,
        help="How much around a place is blamed.",
    ),
    click.option(
        "--analysis",
        type=click.Choice(WHEN),
        default="never",
        show_default=True,
        help="Which programs pyflakes and libcst look at. What they find changes no verdict and no "
        "score.",
    ),
    click.option(
        "--blame",
        type=click.Choice(list(FORMULAS)),
        help="Find the lines that wrong answers come from, by this formula: runs the cases of such "
        "a program once more.",
    ),
    click.option(
        "--coverage",
        is_flag=True,
        help="Tell which lines each case runs: runs every case once more.",
    ),
)
printing = _options(
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


#: The values of `feedback`'s options.
FEEDBACK = ("extract", "granularity", "analysis", "blame", "coverage")


def how_to_read(settings: dict[str, Any]) -> dict[str, Any]:
    """The values of `reading`'s options."""
    return {name: settings[name] for name in ("tests_format", "allow_pickle")}


def make_grader(
    settings: dict[str, Any], workers: int = 1, allow_weak_sandbox: bool = False
) -> Grader:
    """A grader for the values of `grading`'s options."""
    return Grader(
        workers=workers,
        limits=given_limits(settings),
        policy=settings["policy"],
        sandbox=settings["sandbox"],
        image=settings["image"],
        python=settings["python"],
        site_packages=settings["site_packages"],
        preload=settings["preload"],
        reuse=settings["reuse"],
        allow_weak_sandbox=allow_weak_sandbox or settings["allow_weak_sandbox"],
        fail_fast=settings["fail_fast"],
        compare_policies=comparable_policies() if settings["compare_policies"] else (),
        **{name: settings[name] for name in FEEDBACK},
    )


def given_limits(settings: dict[str, Any]) -> dict[str, float]:
    return {name: settings[name] for name in _DEFAULTS.to_dict() if settings[name] is not None}


def _names(title: str, names: Iterable[str], more: str = "") -> str:
    """A paragraph for the end of a help page."""
    lines = textwrap.wrap(", ".join(names) + more, 94, break_on_hyphens=False)
    return "\n".join(["\b", f"{title}:", *(f"  {line}" for line in lines)])


FORMAT_NAMES = _names("Formats of tests", FORMATS)
POLICY_NAMES = _names(
    "Policies",
    policy_names(),
    "; strict where the tests name none. Some take parameters: floats:abs=1e-6,rel=0, "
    "evalplus:atol=1e-6, any-of:tokens",
)
