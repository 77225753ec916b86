from __future__ import annotations

import pytest

import codefeedback as cf
from codefeedback.verdicts import outcome_of, overall


def test_coarse_is_equation_3() -> None:
    scores = {outcome.value: cf.coarse(outcome) for outcome in cf.Outcome}
    assert scores == {"pass": 1.0, "failure": -0.3, "error": -0.6, "syntax_error": -1.0}


def test_fine_is_equation_4() -> None:
    scores = {scope.value: cf.fine(scope) for scope in cf.Scope}
    assert scores == {"U_global": -0.3, "U_line": -0.3, "U_ignore": 0.0}


@pytest.mark.parametrize(("passed", "total", "score"), [(0, 5, -0.3), (5, 5, 1.0), (2, 4, 0.35)])
def test_adaptive_is_equation_5(passed: int, total: int, score: float) -> None:
    assert cf.adaptive(passed, total) == pytest.approx(score)


@pytest.mark.parametrize(("passed", "total"), [(0, 0), (-1, 2), (3, 2)])
def test_adaptive_refuses_nonsense(passed: int, total: int) -> None:
    with pytest.raises(ValueError, match="passed of"):
        cf.adaptive(passed, total)


def test_the_most_severe_verdict_stands_for_all() -> None:
    order = [cf.Verdict(name) for name in ("CE", "RE", "MLE", "OLE", "TLE", "WA", "AC")]
    for index, verdict in enumerate(order):
        assert overall(order[index:]) is verdict
    with pytest.raises(ValueError, match="nothing was graded"):
        overall([])


def test_outcomes() -> None:
    outcomes = {verdict.value: outcome_of(verdict).value for verdict in cf.Verdict}
    assert outcomes == {
        "AC": "pass",
        "WA": "failure",
        "CE": "syntax_error",
        "RE": "error",
        "TLE": "error",
        "MLE": "error",
        "OLE": "error",
    }
