"""Reports to print, built by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from codefeedback.findings import Finding, Origin, Scope
from codefeedback.results import CaseResult, Report, SandboxInfo, Score
from codefeedback.spans import CharSpan, Source
from codefeedback.verdicts import Verdict, outcome_of, overall


def case(name: str, verdict: Verdict = Verdict.AC, **changes: Any) -> CaseResult:
    values = {
        "name": name,
        "verdict": verdict,
        "policy": "strict",
        "cpu_seconds": 0.25,
        "wall_seconds": 0.5,
        "max_rss_bytes": 10 * 1024**2,
        "exit_code": 0,
    }
    return CaseResult(**{**values, **changes})


def finding(scope: Scope, *spans: CharSpan, **changes: Any) -> Finding:
    values = {
        "scope": scope,
        "kind": "ValueError",
        "rule": "ValueError",
        "origin": Origin.RUNTIME,
        "message": "no good",
        "spans": spans,
        "cases": ("1",),
        "score": 0.0 if scope is Scope.IGNORE else -0.3,
    }
    return Finding(**{**values, **changes})


def blame(source: Source, *needles: str, **changes: Any) -> list[Finding]:
    """A U_line finding for the first occurrence of each needle."""
    starts = [(source.text.index(needle), len(needle)) for needle in needles]
    return [
        finding(Scope.LINE, source.span(start, start + length), **changes)
        for start, length in starts
    ]


def report(
    cases: Sequence[CaseResult] = (case("1", Verdict.RE),),
    findings: Sequence[Finding] = (),
    **changes: Any,
) -> Report:
    verdict = overall(item.verdict for item in cases)
    values = {
        "verdict": verdict,
        "outcome": outcome_of(verdict),
        "score": Score(
            coarse=-0.6,
            fine=-0.3,
            adaptive=0.35,
            passed=sum(item.verdict is Verdict.AC for item in cases),
            total=len(cases),
        ),
        "policy": "strict",
        "sandbox": SandboxInfo(name="portable", tier="portable", tamper_resistant=True),
        "limits": {},
        "cases": tuple(cases),
        "findings": tuple(findings),
    }
    return Report(**{**values, **changes})
