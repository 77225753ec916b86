"""A report as text for people: readable without colour, and safe to print."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from codefeedback.findings import Finding, Origin, Scope
from codefeedback.formats.excerpt import WHOLE_LINES, Mark, clip, excerpt, visible
from codefeedback.results import CaseResult, Report
from codefeedback.spans import CharSpan, Source
from codefeedback.verdicts import Verdict

#: The width where no terminal gives one.
DEFAULT_WIDTH = 100
#: More cases than this are summarised: the failing ones are shown, up to this many.
SHOWN_CASES = 20
_SHOWN_FINDINGS = 10
_SHOWN_NAMES = 5
_NAME_ROOM = 28
_MESSAGE_ROOM = 300
_STYLES = {
    Verdict.AC: "bold green",
    Verdict.WA: "bold red",
    Verdict.CE: "bold magenta",
    Verdict.RE: "bold magenta",
}
_OTHER_STYLE = "bold yellow"
_TOOLS = {
    Origin.FLAKES: "pyflakes",
    Origin.CST: "libcst",
    Origin.BLAME: "comparing cases",
}


def verdict_style(verdict: Verdict) -> str:
    """The colour that a verdict is printed in."""
    return _STYLES.get(verdict, _OTHER_STYLE)


def render_text(
    report: Report, source: Source, *, width: int = DEFAULT_WIDTH, all_cases: bool = False
) -> Text:
    """The whole report. `source` must be the program that was graded.

    Lines of tables and of the program fit in `width` cells; messages may be longer. `all_cases`
    shows every case, finding and skipped thing, however many there are.
    """
    blocks = [
        _header(report, source),
        *_section("Cases", _cases(report, width, all_cases)),
        *_section("Findings", _findings(report, source, width, all_cases)),
        *_section("Program", _program(report, source, width, all_cases)),
        *_section("Coverage", _coverage(report, source, width)),
        *_section("Other policies", _policies(report, width)),
        *_section("Skipped", _skipped(report, width, all_cases)),
        _scores(report),
    ]
    return Text("\n\n").join(blocks)


def _section(title: str, lines: Iterable[Text]) -> list[Text]:
    body = list(lines)
    return [Text("\n").join([Text(title, style="bold"), *body])] if body else []


def _header(report: Report, source: Source) -> Text:
    line = Text(f"{clip(source.name, 40)}: ")
    line.append(report.verdict.value, style=verdict_style(report.verdict))
    line.append(f"  {report.score.passed}/{report.score.total} cases")
    sandbox = visible(report.sandbox.name)
    if report.sandbox.tier != report.sandbox.name:
        sandbox += f" ({visible(report.sandbox.tier)})"
    about = f"  policy {visible(report.policy)}, sandbox {sandbox}"
    line.append(about, style="dim")
    if report.extraction is not None:
        found = f"\n  {report.extraction.policy}: {visible(report.extraction.reason)}"
        line.append(found, style="dim")
    return line


def _cases(report: Report, width: int, all_cases: bool) -> Iterator[Text]:
    if all_cases or len(report.cases) <= SHOWN_CASES:
        yield from _case_rows(report.cases, report, width)
        return
    passing = [case for case in report.cases if case.verdict is Verdict.AC]
    failing = [case for case in report.cases if case.verdict is not Verdict.AC]
    yield from _case_rows(failing[:SHOWN_CASES], report, width)
    rest = Counter(case.verdict.value for case in failing[SHOWN_CASES:])
    for verdict, count in sorted(rest.items()):
        yield Text(f"  {verdict:3}  in {counted(count, 'more case')}")
    if passing:
        slowest = max(case.cpu_seconds for case in passing)
        largest = max(case.max_rss_bytes for case in passing)
        yield Text.assemble(
            "  ",
            ("AC ", verdict_style(Verdict.AC)),
            f"  {counted(len(passing), 'case')}, at most {_seconds(slowest)}, {_size(largest)}",
        )
    yield Text("  --all-cases shows each of them", style="dim")


def _case_rows(cases: Sequence[CaseResult], report: Report, width: int) -> Iterator[Text]:
    """A row for each of `cases`, which are some or all of the report's."""
    names = [clip(case.name, _NAME_ROOM) for case in cases]
    name_room = max(map(cell_len, names), default=0)
    for case, name in zip(cases, names, strict=True):
        row = Text("  ")
        row.append(f"{case.verdict.value:3}", style=verdict_style(case.verdict))
        row.append(f"  {name}{' ' * (name_room - cell_len(name))}")
        row.append(
            f"  {_seconds(case.cpu_seconds):>7}  {_size(case.max_rss_bytes):>9}", style="dim"
        )
        note = "" if case.policy in (report.policy, "test") else f" [policy {case.policy}]"
        detail = clip(case.detail + note, max(20, width - cell_len(row.plain) - 2))
        if detail:
            row.append(f"  {detail}")
        yield row
    if not report.sandbox.tamper_resistant:
        weak = sum(not case.tamper_resistant for case in report.cases)
        note = "the program could have forged the verdict (docs/sandbox.md)"
        yield Text(f"  {weak} of {counted(len(report.cases), 'case')}: {note}", style="yellow")


def _findings(report: Report, source: Source, width: int, all_cases: bool) -> Iterator[Text]:
    together = _shown_together(report, source)
    shown = report.findings if all_cases else report.findings[:_SHOWN_FINDINGS]
    for number, finding in enumerate(shown, 1):
        line = Text(f"  {number}. ")
        line.append(visible(finding.kind), style="bold")
        message = clip(finding.message, _MESSAGE_ROOM)
        line.append(f": {message}" if message else "")
        yield line
        about = [_place(finding, source), f"{finding.scope.value}, score {finding.score:.3g}"]
        if finding.secondary:
            about.append(f"called from {_lines(finding.secondary)}")
        if finding.origin in _TOOLS:
            about.append(f"found by {_TOOLS[finding.origin]}")
        if finding.cases:
            about.append(_in_cases(finding.cases))
        yield Text(f"     {clip('; '.join(about), width - 5)}", style="dim")
        if finding.scope is Scope.LINE and not together:
            marks = [Mark(span) for span in finding.spans]
            yield from excerpt(source, marks, width=width, whole=False)
    if len(shown) < len(report.findings):
        yield Text(f"  and {len(report.findings) - len(shown)} more; --all-cases shows them")


def _program(report: Report, source: Source, width: int, all_cases: bool) -> Iterator[Text]:
    if not _shown_together(report, source):
        return
    shown = report.findings if all_cases else report.findings[:_SHOWN_FINDINGS]
    marks = _merged(shown)
    yield from excerpt(source, marks, width=width, whole=True)


def _merged(findings: Sequence[Finding]) -> list[Mark]:
    """A mark for each distinct span, labelled with the numbers of the findings that blame it."""
    alone = len(findings) == 1
    labels: dict[object, list[str]] = {}
    for number, finding in enumerate(findings, 1):
        if finding.scope is Scope.LINE:
            for span in finding.spans:
                labels.setdefault(span, []).append(
                    visible(finding.kind) if alone else f"{number}. {visible(finding.kind)}"
                )
    marks = []
    for finding in findings:
        for span in finding.spans:
            if span in labels:
                marks.append(Mark(span, ", ".join(labels.pop(span))))
    return marks


def _shown_together(report: Report, source: Source) -> bool:
    """Whether the program is short enough to be shown once, with all spans marked."""
    marked = any(finding.scope is Scope.LINE for finding in report.findings)
    return marked and source.line_count <= WHOLE_LINES


def _place(finding: Finding, source: Source) -> str:
    if finding.scope is Scope.GLOBAL:
        return f"the whole program ({counted(source.line_count, 'line')})"
    if finding.scope is Scope.IGNORE:
        return "no line can be blamed"
    return _lines(finding.spans)


def _lines(spans: Sequence[CharSpan]) -> str:
    """``line 3, lines 5-7``"""
    places = []
    for span in spans:
        last = span.end_line - (span.end_column == 0 and span.end_line > span.start_line)
        if span.start_line == last:
            places.append(f"line {span.start_line}")
        else:
            places.append(f"lines {span.start_line}-{last}")
    return ", ".join(places)


def _coverage(report: Report, source: Source, width: int) -> Iterator[Text]:
    if report.coverage is None:
        return
    ran, missed = counted(len(report.coverage.lines), "line"), report.coverage.missed
    if not report.coverage.complete:
        yield Text(f"  {ran} ran, and perhaps others: not every run was seen to its end")
        return
    text = f"{ran} of {source.line_count} ran; {'never: ' + _lines(missed) if missed else ''}"
    yield Text(f"  {clip(text.removesuffix('; '), width - 2)}")


def _in_cases(cases: Sequence[str]) -> str:
    names = ", ".join(clip(name, _NAME_ROOM) for name in cases[:_SHOWN_NAMES])
    rest = len(cases) - _SHOWN_NAMES
    return f"in {names}{f' and {rest} more' if rest > 0 else ''}"


def _policies(report: Report, width: int) -> Iterator[Text]:
    if not report.policies:
        return
    yield Text("  What the same runs would be under another rule:", style="dim")
    differing = [view for view in report.policies if view.flips]
    room = max((len(view.policy) for view in differing), default=0)
    for view in differing:
        row = Text(f"  {view.policy:{room}}  ")
        row.append(f"{view.verdict.value:3}", style=verdict_style(view.verdict))
        row.append(f"  {view.passed}/{report.score.total} cases  differs {_in_cases(view.flips)}")
        row.truncate(width, overflow="ellipsis")
        yield row
    same = [view.policy for view in report.policies if not view.flips]
    if same:
        text = f"no verdict differs under {', '.join(same)}"
        for line in textwrap.wrap(text, width - 4, break_on_hyphens=False):
            yield Text(f"  {line}", style="dim")


def _skipped(report: Report, width: int, all_cases: bool) -> Iterator[Text]:
    shown = report.skipped if all_cases else report.skipped[:SHOWN_CASES]
    for item in shown:
        yield Text(f"  {clip(item.what, 60)}: {clip(item.why, max(40, width - 4))}")
    if len(shown) < len(report.skipped):
        yield Text(f"  and {len(report.skipped) - len(shown)} more; --all-cases shows them")


def _scores(report: Report) -> Text:
    score = report.score
    findings = counted(len(report.findings), "finding") if report.findings else "no finding"
    return Text.assemble(
        ("Scores", "bold"),
        f"  coarse {score.coarse:g} ({report.outcome.value.replace('_', ' ')})"
        f", fine {score.fine:g} ({findings})"
        f", adaptive {score.adaptive:.4g} ({score.passed}/{score.total} passed)",
    )


def counted(number: int, thing: str) -> str:
    """``1 case``, ``2 cases``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _seconds(value: float) -> str:
    return f"{value:.2f} s"


def _size(value: int) -> str:
    return f"{value / 1024**2:.1f} MiB"
