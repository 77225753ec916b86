"""Wrong answers as findings: the lines that failing cases run rather than passing ones."""

from __future__ import annotations

from collections.abc import Sequence

from codefeedback.analysis import taxonomy
from codefeedback.analysis.blame import Observation, localise, observe
from codefeedback.analysis.extents import Extents
from codefeedback.analysis.faults import finding
from codefeedback.findings import Finding, Origin
from codefeedback.problems import Limits
from codefeedback.sandbox.interface import Command, Sandbox
from codefeedback.spans import CharSpan, Source

#: No more places than this are named, the most suspicious first.
MOST_PLACES = 10


def suspects(
    sandbox: Sandbox,
    runs: Sequence[tuple[str, Command, bool]],
    limits: Limits,
    source: Source,
    extents: Extents,
    formula: str,
) -> list[Finding]:
    """Findings for a program with wrong answers. `runs` are (case, command, whether accepted).

    Each place weighs as much as its most suspicious line. Where no line stands out there is one
    finding about the whole program, which says why. Raises what the sandbox raises.
    """
    observations = observe(sandbox, runs, limits)
    failing = tuple(name for name, _, accepted in runs if not accepted)
    blamed = localise(observations, formula)
    places: dict[CharSpan, tuple[int, float]] = {}
    for suspicion in blamed.suspicions:
        if suspicion.score > 0 and suspicion.line <= source.line_count:
            place = extents.of_line(suspicion.line)
            known = places.get(place, (0, 0.0))
            if suspicion.score > known[1]:
                places[place] = (suspicion.line, suspicion.score)
    if not places:
        rule = taxonomy.rule_for(["NoSuspect"])
        why = blamed.reason or "no line is suspicious"
        return [finding(rule, rule.kind, Origin.BLAME, why, source, cases=failing)]
    rule = taxonomy.rule_for(["SuspiciousLine"])
    ranked = sorted(places.items(), key=lambda item: (-item[1][1], item[0]))
    return [
        finding(
            rule,
            rule.kind,
            Origin.BLAME,
            f"{_counts(observations, line)}; suspicion {score:.2f} of the highest, by {formula}",
            source,
            places=(place,),
            cases=failing,
            share=score,
        )
        for place, (line, score) in ranked[:MOST_PLACES]
    ]


def _counts(observations: Sequence[Observation], line: int) -> str:
    def count(passed: bool) -> str:
        all_of_them = [each for each in observations if each.passed is passed]
        return f"{sum(line in each.lines for each in all_of_them)} of {len(all_of_them)}"

    return f"ran in {count(False)} failing and {count(True)} passing cases"
