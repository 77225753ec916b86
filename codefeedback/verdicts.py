"""What can be said of a program: a verdict per case, one outcome over all."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """About the program only; a failure of the grader is an exception, never a verdict."""

    AC = "AC"  #: accepted
    WA = "WA"  #: wrong answer
    CE = "CE"  #: does not compile
    RE = "RE"  #: run-time error: an uncaught exception, a non-zero exit status, a signal
    TLE = "TLE"  #: time limit exceeded
    MLE = "MLE"  #: memory limit exceeded
    OLE = "OLE"  #: output limit exceeded


#: The order in which one verdict stands for all cases: the first that occurs wins.
SEVERITY = (
    Verdict.CE,
    Verdict.RE,
    Verdict.MLE,
    Verdict.OLE,
    Verdict.TLE,
    Verdict.WA,
)


class Outcome(StrEnum):
    """The four outcomes that R_coarse distinguishes (RLTF, arXiv 2307.04349, eq. 3)."""

    PASS = "pass"
    FAILURE = "failure"
    ERROR = "error"
    SYNTAX_ERROR = "syntax_error"


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """AC when every verdict is AC, else the most severe one.

    Raises ValueError when there is no verdict: no result is never a pass.
    """
    seen = set(verdicts)
    if not seen:
        raise ValueError("no verdicts: nothing was graded")
    return next((verdict for verdict in SEVERITY if verdict in seen), Verdict.AC)


def outcome_of(verdict: Verdict) -> Outcome:
    """The outcome that an overall verdict stands for."""
    if verdict is Verdict.AC:
        return Outcome.PASS
    if verdict is Verdict.WA:
        return Outcome.FAILURE
    if verdict is Verdict.CE:
        return Outcome.SYNTAX_ERROR
    return Outcome.ERROR
