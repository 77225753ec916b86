"""Measures the places that findings name, and what static analysis costs.

    CODEFEEDBACK_DATA=FOLDER python benchmarks/spans.py codegen
    CODEFEEDBACK_DATA=FOLDER python benchmarks/spans.py analysis

`codegen`: of the 8,200 programs by CodeGen-16B, those that raise or do not parse, against the line
that a plain interpreter prints. `analysis`: what static analysis adds to a graded program that
fails, and to one that passes.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
from conformance import data_folder, rows
from measuring import Figure, publish
from rich.progress import track

import codefeedback as cf

_RUNNER = """
import sys
sys.path.insert(0, ".")
import solution
namespace = dict(vars(solution))
exec(compile({test!r}, "<test>", "exec"), namespace)
namespace["check"](solution.{entry_point})
"""
_TRIES = 50
_PLACE = re.compile(r'^\s*File "[^"]*solution\.py", line (\d+)', re.MULTILINE)


@click.group(help=__doc__)
def main() -> None:
    pass


def samples(limit: int | None) -> Iterator[tuple[dict[str, Any], str]]:
    """(problem, completion) of HumanEval, spread evenly when limited."""
    data = data_folder() / "humaneval"
    problems = {row["task_id"]: row for row in rows(data / "problems.jsonl")}
    every = list(rows(data / "codegen16b_samples.jsonl"))
    for row in every[:: max(1, len(every) // limit) if limit else 1]:
        yield problems[row["task_id"]], row["completion"]


@main.command()
@click.option("--limit", type=click.IntRange(1), help="so many samples, spread evenly")
@click.option("--workers", default=2, show_default=True)
def codegen(limit: int | None, workers: int) -> None:
    """Findings of programs that raise or do not parse, against the interpreter's own line."""
    items = list(samples(limit))
    loaded = {id(row): cf.load_problem(row) for row, _ in items}
    pairs = [
        (cf.Completion(text=text, policy="prompt+completion"), loaded[id(row)])
        for row, text in items
    ]
    counts: Counter[str] = Counter()
    with cf.Grader(workers=workers) as grader, ThreadPoolExecutor(workers) as pool:
        results = list(track(grader.grade_many(pairs), "grading", total=len(pairs)))
        placed = [
            (result, row["prompt"] + text, row)
            for result, (row, text) in zip(results, items, strict=True)
            if isinstance(result, cf.Report) and result.verdict in (cf.Verdict.RE, cf.Verdict.CE)
        ]
        counts["ungraded"] = sum(isinstance(result, cf.Ungraded) for result in results)
        said = pool.map(lambda each: some_plain_line(each[1], each[2]), placed)
        for (report, program, _), line in track(
            zip(placed, said, strict=True), "running", total=len(placed)
        ):
            counts[compared(report, cf.Source(program), line)] += 1
    total = sum(counts.values()) - counts["ungraded"]
    click.echo(f"{len(items)} samples, {total} of them raise or do not parse")
    for name, count in sorted(counts.items()):
        click.echo(f"  {count:6}  {name}")
    wrong = {name: count for name, count in counts.items() if name.startswith("WRONG")}
    sys.exit(1 if wrong or counts["ungraded"] else 0)


def compared(report: cf.Report, source: cf.Source, line: int | None) -> str:
    """How a report's finding compares with the line that the interpreter printed."""
    if not report.findings:
        return "WRONG: no finding"
    finding = report.findings[0]
    if finding.scope is not cf.Scope.LINE:
        return f"{finding.scope}, by the taxonomy: {finding.rule}"
    span = finding.spans[0]
    text = source.text[span.start : span.end]
    if span.start_line != span.end_line or text != source.line_text(span.start_line):
        return "WRONG: the span is not its line's text"
    if line is None:
        return "WRONG: the interpreter names no line"
    while line > 1 and (line > source.line_count or not source.line_text(line).strip()):
        line -= 1  # an error at the end is moved to the last line with text
    return "right" if span.start_line == line else "WRONG: another line"


def some_plain_line(program: str, row: dict[str, Any]) -> int | None:
    """`plain_line`, of a run that fails: some tests draw random inputs."""
    lines = (plain_line(program, row) for _ in range(_TRIES))
    return next((line for line in lines if line is not None), None)


def plain_line(program: str, row: dict[str, Any]) -> int | None:
    """The last line of the program that a plain interpreter prints in its traceback."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "solution.py").write_text(program, newline="")
        runner = _RUNNER.format(test=row["test"], entry_point=row["entry_point"])
        done = subprocess.run(
            [sys.executable, "-S", "-s", "-E", "-B", "-W", "ignore", "-c", runner],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    places = _PLACE.findall(done.stderr)
    return int(places[-1]) if places else None


@main.command()
@click.option("--limit", type=click.IntRange(1), default=400, show_default=True)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path))
def analysis(limit: int, json_file: Path | None) -> None:
    """What analysis adds to one failing program; and that a passing one pays nothing."""
    added: list[float] = []
    passing: list[float] = []
    with cf.Grader() as plain, cf.Grader(analysis="failing") as analysed:
        for number, (row, text) in enumerate(track(list(samples(limit)), "grading")):
            problem = cf.load_problem(row)
            answer = cf.Completion(text=text, policy="prompt+completion")
            plain.grade(answer, problem)
            analysed.grade(cf.Completion(text=text + "\n", policy=answer.policy), problem)
            times = {}
            for grader in (plain, analysed) if number % 2 else (analysed, plain):
                started = time.perf_counter()
                report = grader.grade(answer, problem)
                times[grader] = time.perf_counter() - started
            difference = 1000 * (times[analysed] - times[plain])
            (passing if report.verdict is cf.Verdict.AC else added).append(difference)
    publish(
        Figure(name="analysis of a failing program", unit="ms added", ours=added, target=5.0),
        json_file,
    )
    publish(
        Figure(name="analysis of a passing program", unit="ms added", ours=passing, target=0.2),
        json_file,
    )


if __name__ == "__main__":
    main()
