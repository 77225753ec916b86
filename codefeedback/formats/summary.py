"""The summary of an evaluation as text for people."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from codefeedback.evaluation import PassAtK, Summary
from codefeedback.formats.text import counted, verdict_style
from codefeedback.verdicts import Verdict

_BAR = 30


def render_summary(summary: Summary) -> Text:
    """pass@k, the mix of verdicts, and all that was left out of them."""
    blocks = [[_header(summary)], [*_pass_at_k(summary)], [*_mix(summary)]]
    return Text("\n\n").join(Text("\n").join(lines) for lines in blocks if lines)


def _header(summary: Summary) -> Text:
    rest = f"  {summary.graded} of {summary.samples} graded, {counted(summary.problems, 'problem')}"
    if summary.problems_without_samples:
        rest += f" ({summary.problems_without_samples} without a sample do not count)"
    failed = f", {summary.ungraded} could not be graded" if summary.ungraded else ""
    return Text.assemble(("Samples", "bold"), rest, (failed, "red"))


def _pass_at_k(summary: Summary) -> Iterator[Text]:
    room = max((len(str(item.k)) for item in summary.pass_at_k), default=0)
    for item in summary.pass_at_k:
        value = "     -" if item.value is None else f"{100 * item.value:5.1f}%"
        yield Text.assemble(
            (f"pass@{item.k:<{room}}", "bold"), f"  {value}", (f"  {_basis(item)}", "dim")
        )


def _basis(item: PassAtK) -> str:
    if not item.problems:
        return f"no problem has {item.k} graded samples"
    basis = f"over {counted(item.problems, 'problem')}"
    if item.too_few:
        basis += f"; {item.too_few} with fewer than {item.k} graded samples are left out"
    return basis


def _mix(summary: Summary) -> Iterator[Text]:
    yield Text("Verdicts", style="bold")
    room = len(str(max(summary.verdicts.values(), default=0)))
    for name, count in summary.verdicts.items():
        share = count / summary.graded if summary.graded else 0.0
        style = verdict_style(Verdict(name))
        line = Text("  ")
        line.append(f"{name:3}", style=style)
        line.append(f"  {count:>{room}}  {100 * share:5.1f}%  ")
        line.append("#" * max(int(count > 0), round(_BAR * share)), style=style)
        line.rstrip()
        yield line
