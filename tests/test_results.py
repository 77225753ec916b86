"""What a report says of tokens, and that it survives being written down."""

from __future__ import annotations

import json

import pytest

import codefeedback as cf

PROGRAM = "a = 1\nb = a / 0\nprint(b)\n"
PROBLEM = {"cases": [{"stdin": "", "expected_stdout": ""}]}
# "a = 1\n", "b = ", "a / 0\np", "rint(b)\n", and the end of the text
OFFSETS = [(0, 6), (6, 10), (10, 17), (17, 25), None]
ANSWER = f"Sure:\n```python\n{PROGRAM}```\nDone."


@pytest.fixture(scope="module")
def report() -> cf.Report:
    return cf.grade(PROGRAM, PROBLEM)


def test_token_spans(report: cf.Report) -> None:
    assert report.token_spans(OFFSETS) == [[cf.TokenSpan(start=1, end=3)]]


def test_token_weights(report: cf.Report) -> None:
    # T = 4 tokens of the program, 2 of them blamed
    assert report.token_weights(OFFSETS) == [0.0, -0.6, -0.6, 0.0, 0.0]
    assert report.token_weights(OFFSETS, alpha=None) == [0.0, -0.3, -0.3, 0.0, 0.0]
    assert report.token_weights(OFFSETS, alpha=None, fine=-1) == [0.0, -1.0, -1.0, 0.0, 0.0]
    assert report.token_weights(OFFSETS, origins={"runtime": 0.0}) == [0.0] * 5
    assert report.token_weights(OFFSETS, origins={cf.Origin.RUNTIME: 0.5})[1] == -0.3
    assert report.token_weights([]) == []


def test_what_the_paper_ignores_weighs_nothing() -> None:
    report = cf.grade("raise RuntimeError\n", PROBLEM)
    assert report.findings[0].scope is cf.Scope.IGNORE
    assert report.token_weights([(0, 5), (5, 19)]) == [0.0, 0.0]
    assert report.token_spans([(0, 5), (5, 19)]) == [[]]


def test_the_whole_program_weighs_the_same_with_any_alpha() -> None:
    report = cf.grade(ANSWER, PROBLEM, extract="first-fence", limits={"cpu_seconds": 0.2})
    text = ANSWER.replace(PROGRAM, "while True:\n    pass\n")
    report = cf.grade(text, PROBLEM, extract="first-fence", limits={"cpu_seconds": 0.2})
    assert report.findings[0].scope is cf.Scope.GLOBAL
    offsets = [(at, min(at + 4, len(text))) for at in range(0, len(text), 4)]
    inside = [text.index("while") <= end - 1 and start < text.index("```\nD") for start, end in
              offsets]  # fmt: skip
    for alpha in ("length", None):
        weights = report.token_weights(offsets, alpha=alpha)
        assert weights == [-0.3 if each else 0.0 for each in inside]


def test_secondary_places_and_overlaps() -> None:
    program = "def f():\n    return 1 / 0\nf()\n"
    report = cf.grade(program, PROBLEM)
    offsets = [(0, 9), (9, 26), (26, 30)]
    assert report.token_weights(offsets, alpha=None) == [0.0, -0.3, 0.0]
    assert report.token_weights(offsets, alpha=None, secondary=0.5) == [0.0, -0.3, -0.15]


def test_places_in_a_completion() -> None:
    report = cf.grade(ANSWER, PROBLEM, extract="last-fence")
    assert report.extraction is not None and report.extraction.found == "fence"
    (span,) = report.completion_spans(report.findings[0].spans)
    assert ANSWER[slice(*span)] == "b = a / 0"
    data = json.loads(json.dumps(report.to_dict()))
    assert data["findings"][0]["completion_spans"] == [list(span)]
    assert data["extraction"]["policy"] == "last-fence"
    again = cf.Report.from_dict(data)
    assert again == report
    offsets = [(at, min(at + 3, len(ANSWER))) for at in range(0, len(ANSWER), 3)]
    assert again.token_weights(offsets) == report.token_weights(offsets)
    touched = [
        index for run in report.token_spans(offsets)[0] for index in range(run.start, run.end)
    ]
    assert touched == [n for n, (a, b) in enumerate(offsets) if a < span[1] and b > span[0]]


def test_a_place_in_the_prompt_is_nowhere_in_the_completion() -> None:
    problem = {**PROBLEM, "prompt": "import nothing_like_it\n"}
    report = cf.grade("print(1)\n", problem, extract="prompt+completion")
    assert report.findings[0].spans[0].start_line == 1
    assert report.completion_spans(report.findings[0].spans) == ()
    assert report.token_weights([(0, 5), (5, 9)]) == [0.0, 0.0]
    program = "1 / 0\n"
    report = cf.grade(program, {**PROBLEM, "prompt": "x = 1\n"}, extract="prompt+completion")
    assert report.findings[0].spans[0].start_line == 2
    assert report.completion_spans(report.findings[0].spans) == ((0, 5),)


def test_an_answer_without_a_program() -> None:
    for text in ("<think>print(1)", "", "```bash\nls\n```\n"):
        for problem in (PROBLEM, {"cases": [{"stdin": "", "expected_stdout": "1"}] * 2}):
            report = cf.grade(text, problem, extract="last-fence")
            assert report.verdict is cf.Verdict.CE and report.score.coarse == -1.0
            (finding,) = report.findings
            assert (finding.kind, finding.scope) == ("NoProgram", cf.Scope.GLOBAL)
            assert len(report.cases) == len(problem["cases"])
            assert report.token_weights([(0, len(text))]) == [0.0]


def test_bad_requests_say_what_is_wrong(report: cf.Report) -> None:
    with pytest.raises(cf.UsageError, match=r"origins: expected some of .* got 'runtimes'"):
        report.token_weights(OFFSETS, origins={"runtimes": 1.0})
    with pytest.raises(cf.UsageError, match="fine: expected a finite number"):
        report.token_weights(OFFSETS, fine=float("nan"))
    with pytest.raises(cf.UsageError, match=r"origins\['runtime'\]: expected a finite number"):
        report.token_weights(OFFSETS, origins={"runtime": None})  # type: ignore[dict-item]
    with pytest.raises(cf.UsageError, match="alpha"):
        report.token_weights(OFFSETS, alpha="T")
    with pytest.raises(cf.UsageError, match=r"offsets reach to 26, but .* has 25 characters"):
        report.token_weights([(0, 26)])
    with pytest.raises(cf.UsageError, match="pair"):
        report.token_spans([1, 2])
    with pytest.raises(cf.UsageError, match="last-fence"):
        cf.Grader(extract="longest-fence")


def test_rows_of_earlier_versions_are_read(report: cf.Report) -> None:
    data = report.to_dict()
    for key in ("program_length", "granularity", "truncated", "extraction", "coverage"):
        del data[key]
    for key in ("rule", "weight", "secondary"):
        del data["findings"][0][key]
    del data["cases"][0]["lines"]
    again = cf.Report.from_dict(data)
    assert again.findings[0].spans == report.findings[0].spans
