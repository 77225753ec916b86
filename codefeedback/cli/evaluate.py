"""``codefeedback evaluate``."""

from __future__ import annotations

import os
import platform
from collections import Counter
from pathlib import Path
from typing import Any

import click

from codefeedback import __version__
from codefeedback.checking.policies import policy as policy_named
from codefeedback.cli.failures import OUR_FAILURE, tell
from codefeedback.cli.options import (
    FEEDBACK,
    FORMAT_NAMES,
    POLICY_NAMES,
    Counts,
    feedback,
    given_limits,
    grading,
    how_to_read,
    make_grader,
    printing,
    reading,
)
from codefeedback.cli.output import (
    SampleCounter,
    busy,
    console_for,
    print_json,
    print_text,
)
from codefeedback.errors import UsageError
from codefeedback.evaluation import Evaluation, Problems, ResultsFile, Samples
from codefeedback.extraction import checked_policy
from codefeedback.formats.summary import render_summary
from codefeedback.grading import Grader
from codefeedback.loading import load_problems
from codefeedback.results import Ungraded
from codefeedback.sandbox.container import ContainerSandbox

_SHOWN_REASONS = 5


@click.command(
    epilog=f"""\b
A line of SAMPLES is an object with the id of its problem (task_id, problem_id, question_id or id)
and either the whole program (solution, program or code) or a completion, which is put behind the
problem's prompt; with --extract, any of them is an answer of a model (a text, or chat messages)
that has the program in it. "truncated": true says that it was cut off at its end:
  {{"task_id": "HumanEval/0", "completion": "    return 1\\n"}}

\b
Results are appended to the --out file as they come, one report a line. Stopped at any moment, the
same command goes on where it was; results of other samples, problems or settings are refused.
Samples that could not be graded are left out of pass@k, and are tried again by the same command.

{FORMAT_NAMES}

{POLICY_NAMES}

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
    type=Counts(),
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
@reading
@grading
@feedback
@printing
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
        if same_file(path, out_path):
            raise UsageError(f"--out: {out_path} is an input; choose another file for the results")
    with make_grader(settings, workers or os.cpu_count() or 1) as grader:
        with busy(f"reading {samples_path} and {problems_path}"):
            samples = Samples(samples_path, limit=limit)
            loaded = load_problems(problems_path, **how_to_read(settings))
            problems = Problems.select(loaded, samples)
        evaluation = Evaluation(samples, problems, _recorded(settings, grader))
        with ResultsFile(out_path, restart=restart) as results:
            _run(evaluation, grader, results)
    summary = evaluation.summary(ks)
    if output_format == "json":
        print_json({"results": out_path, **summary.to_dict()})
    else:
        print_text(console_for(color), render_summary(summary))
    return OUR_FAILURE if summary.ungraded else 0


def _recorded(settings: dict[str, Any], grader: Grader) -> dict[str, Any]:
    """All that could change a result, beside the sample and its problem."""
    if isinstance(grader.sandbox, ContainerSandbox):
        runtime: dict[str, Any] = {"image": grader.sandbox.image_id}
    else:
        runtime = {"python": settings["python"] or platform.python_version()}
    return {
        "version": __version__,
        **runtime,
        "site_packages": settings["site_packages"],
        "preload": list(settings["preload"]),
        "reuse": settings["reuse"],
        "sandbox": grader.sandbox.name,
        "tier": grader.sandbox.tier,
        "policy": settings["policy"] and policy_named(settings["policy"]).name,
        "compare_policies": settings["compare_policies"],
        "limits": given_limits(settings),
        "fail_fast": settings["fail_fast"],
        **{name: settings[name] for name in FEEDBACK},
        "extract": settings["extract"] and checked_policy(settings["extract"]),
    }


def _run(evaluation: Evaluation, grader: Grader, results: ResultsFile) -> None:
    """Grades what is left to grade, and tells of it on standard error."""
    with busy(f"reading {results.name}"):
        evaluation.resume(results)
    reasons: Counter[str] = Counter()
    try:
        with SampleCounter(evaluation) as counter:
            for result in evaluation.run(grader, results):
                counter.one_more()
                if isinstance(result, Ungraded) and (
                    result.reason in reasons or len(reasons) < _SHOWN_REASONS
                ):
                    reasons[result.reason] += 1
    except KeyboardInterrupt:
        done, total = evaluation.graded, evaluation.total
        tell(f"stopped: {done} of {total} samples are graded, their results are in {results.name}")
        tell("the same command again goes on from there")
        raise
    for reason, count in reasons.most_common():
        tell(f"could not be graded, {count} times: {reason}")
    if reasons:
        tell("the same command again tries those once more")


def same_file(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except (OSError, ValueError):
        return False
