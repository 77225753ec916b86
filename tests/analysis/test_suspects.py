"""Wrong answers as findings, from a whole grading."""

from __future__ import annotations

import pytest

import codefeedback as cf

PROGRAM = """\
n = int(input())
if n > 10:
    big = n - 1
    print(big)
else:
    print(n)
"""


def problem(*numbers: int) -> dict[str, object]:
    return {
        "cases": [{"name": f"n{n}", "stdin": f"{n}", "expected_stdout": f"{n}"} for n in numbers]
    }


@pytest.mark.parametrize("formula", ["ochiai", "dstar", "tarantula"])
def test_the_lines_of_failing_cases_stand_out(formula: str) -> None:
    report = cf.grade(PROGRAM, problem(1, 2, 11), blame=formula)
    first, second, *others = report.findings
    assert {first.spans[0].start_line, second.spans[0].start_line} == {3, 4}
    for finding in (first, second):
        assert (finding.kind, finding.scope, finding.origin) == (
            "SuspiciousLine",
            "U_line",
            "blame",
        )
        assert (finding.weight, finding.score, finding.cases) == (1.0, -0.3, ("n11",))
        assert finding.message.startswith(
            "ran in 1 of 1 failing and 0 of 2 passing cases; suspicion 1.00"
        )
    assert {finding.spans[0].start_line for finding in others} == {1, 2}
    assert all(0 < finding.weight < 1 for finding in others)


def test_scores_and_verdicts_do_not_know_of_it() -> None:
    plain = cf.grade(PROGRAM, problem(1, 11))
    blamed = cf.grade(PROGRAM, problem(1, 11), blame="ochiai")
    assert (plain.verdict, plain.score, plain.cases[0].verdict) == (
        blamed.verdict,
        blamed.score,
        blamed.cases[0].verdict,
    )
    assert plain.findings == () and plain.score.fine == 0.0
    assert cf.Report.from_dict(blamed.to_dict()) == blamed


def test_weights_of_tokens_are_soft() -> None:
    report = cf.grade(PROGRAM, problem(1, 2, 11), blame="ochiai")
    offsets = [(line.start, line.end) for line in map(cf.Source(PROGRAM).line_span, range(1, 7))]
    weights = report.token_weights(offsets, alpha=None)
    assert weights[2] == weights[3] == -0.3 and weights[4:] == [0.0, 0.0]
    assert -0.3 < weights[0] == weights[1] < 0
    assert report.token_weights(offsets, origins={"blame": 0.0}) == [0.0] * 6


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [((11, 12), "no case passed"), ((-1, 1), "alike")],
)
def test_where_nothing_stands_out_the_whole_program_is_named(
    numbers: tuple[int, ...], reason: str
) -> None:
    program = PROGRAM if min(numbers) > 10 else "n = int(input())\nprint(abs(n))\n"
    (finding,) = cf.grade(program, problem(*numbers), blame="ochiai").findings
    assert (finding.kind, finding.scope) == ("NoSuspect", cf.Scope.GLOBAL)
    assert reason in finding.message
    assert [(span.start, span.end) for span in finding.spans] == [(0, len(program))]


def test_only_wrong_answers_are_looked_into() -> None:
    assert cf.grade(PROGRAM, problem(1, 2), blame="ochiai").findings == ()
    kinds = [each.kind for each in cf.grade("1 / 0\n", problem(1), blame="ochiai").findings]
    assert kinds == ["ZeroDivisionError"]


def test_statements_are_named_once() -> None:
    program = PROGRAM.replace("big = n - 1", "big = (n\n           - 1)")
    report = cf.grade(program, problem(1, 2, 11), blame="ochiai", granularity="statement")
    texts = [program[each.spans[0].start : each.spans[0].end] for each in report.findings]
    assert sorted(texts[:2]) == ["big = (n\n           - 1)", "print(big)"]
    assert len(set(texts)) == len(texts)


def test_a_check_of_plain_asserts_is_taken_apart() -> None:
    test = "def check(c):\n    assert c(1) == 1\n    assert c(2) == 2\n    assert c(20) == 20\n"
    program = "def f(n):\n    if n > 10:\n        return n - 1\n    return n\n"
    case = {"test": test, "entry_point": "f"}
    report = cf.grade(program, {"cases": [case]}, blame="ochiai")
    assert report.verdict is cf.Verdict.WA
    assert report.findings[0].spans[0].start_line == 3


def test_an_unknown_formula() -> None:
    with pytest.raises(cf.UsageError, match="blame: expected ochiai, dstar, tarantula"):
        cf.Grader(blame="guess")
