"""Static analysis as findings. They never change a verdict or a score; their origin tells them
apart, so that a trainer can weigh them."""

from __future__ import annotations

from collections.abc import Callable

from codefeedback.analysis import taxonomy
from codefeedback.analysis.extents import Extents
from codefeedback.analysis.faults import finding, of_compiler
from codefeedback.analysis.inspecting import Inspection
from codefeedback.errors import UsageError
from codefeedback.findings import Finding, Origin
from codefeedback.spans import Source

#: Which programs are analysed.
WHEN = ("never", "failing", "always")


def checked_when(name: str) -> str:
    """Raises UsageError for what is none of `WHEN`."""
    if name not in WHEN:
        raise UsageError(f"analysis: expected {', '.join(WHEN)}, got {name!r}")
    return name


def static_findings(
    inspection: Inspection, source: Source, extents: Extents
) -> tuple[Finding, ...]:
    """What pyflakes and libcst say of a program, in order of place."""
    if inspection.failure:
        rule = taxonomy.rule_for(["NotInspected"])
        return (finding(rule, rule.kind, Origin.CST, inspection.failure, source),)
    found = []
    for message in sorted(inspection.messages, key=lambda message: message.place):
        origin = Origin(message.origin)
        rule = taxonomy.rule_for_message(message.kind, origin)
        place = extents.of_place(message.place, message.whole)
        found.append(finding(rule, message.kind, origin, message.text, source, places=(place,)))
    return tuple(dict.fromkeys(found))


def all_findings(
    source: Source, granularity: str, inspect: Callable[[], Inspection], truncated: bool
) -> tuple[Finding, ...]:
    """What can be said of a program without running it: the compiler's error, else the rest."""
    inspection = inspect()
    extents = Extents(source, granularity, inspect)
    if inspection.failure or inspection.syntax is None:
        return static_findings(inspection, source, extents)
    return (
        of_compiler(inspection.syntax, source, extents, truncated),
        *static_findings(inspection, source, extents),
    )
