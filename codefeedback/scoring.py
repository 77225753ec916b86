"""The scores of RLTF (Liu et al., arXiv 2307.04349, section 3.2) as pure functions."""

from __future__ import annotations

from codefeedback.findings import Scope
from codefeedback.verdicts import Outcome

_COARSE = {
    Outcome.PASS: 1.0,
    Outcome.FAILURE: -0.3,
    Outcome.ERROR: -0.6,
    Outcome.SYNTAX_ERROR: -1.0,
}


def coarse(outcome: Outcome) -> float:
    """R_coarse (eq. 3): 1.0 pass, -0.3 failure, -0.6 error, -1.0 syntax error."""
    return _COARSE[outcome]


def fine(scope: Scope) -> float:
    """R_fine (eq. 4) of one finding: 0.0 for U_ignore, else -0.3."""
    return 0.0 if scope is Scope.IGNORE else -0.3


def adaptive(passed: int, total: int) -> float:
    """R_adaptive (eq. 5): -0.3 + 1.3 * N_pass / (N_pass + N_fail).

    Raises ValueError unless 0 <= passed <= total and total > 0.
    """
    if not 0 <= passed <= total or total == 0:
        raise ValueError(f"{passed} passed of {total}")
    return -0.3 + 1.3 * passed / total
