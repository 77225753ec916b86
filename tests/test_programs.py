"""The acceptance cases: each folder of tests/data/programs is graded and compared.

A folder holds solution.py, tests.json and expected.json: the verdict (or a list of those that
differ by interpreter), and optionally the verdict per case, the findings, the scores, and whether
the result is tamper resistant. A finding names the line and the line's text that its span covers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import codefeedback as cf

PROGRAMS = Path(__file__).parent / "data" / "programs"
FOLDERS = sorted(PROGRAMS.iterdir())


SANDBOXES: dict[str, Callable[[pytest.FixtureRequest], cf.Sandbox | str]] = {
    "default": lambda _: "auto",
    "standard": lambda _: cf.LocalSandbox(namespaces=False),
    "container": lambda request: cf.ContainerSandbox(image=request.getfixturevalue("image")),
    "portable": lambda _: cf.PortableSandbox(),
}


@pytest.fixture(scope="module", params=SANDBOXES)
def grader(request: pytest.FixtureRequest) -> Iterator[cf.Grader]:
    try:
        sandbox = SANDBOXES[request.param](request)
    except cf.SandboxUnavailableError as error:
        pytest.skip(str(error))
    with cf.Grader(sandbox=sandbox, allow_weak_sandbox=True) as grader:
        yield grader


def check_finding(finding: cf.Finding, expected: dict[str, Any], source: cf.Source) -> None:
    for key in ("scope", "kind", "origin"):
        if key in expected:
            assert str(getattr(finding, key)) == expected[key]
    if "cases" in expected:
        assert list(finding.cases) == expected["cases"]
    if finding.scope is cf.Scope.GLOBAL:
        assert [(span.start, span.end) for span in finding.spans] == [(0, len(source.text))]
    elif finding.scope is cf.Scope.IGNORE:
        assert finding.spans == ()
    else:
        span = finding.spans[0]
        assert span.start < span.end
        assert (span.start_line, span.end_line) == (expected["line"], expected["line"])
        text = source.text[span.start : span.end]
        assert text == expected.get("text", source.line_text(expected["line"]))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_program(grader: cf.Grader, folder: Path) -> None:
    expected = json.loads((folder / "expected.json").read_text())
    report = grader.grade((folder / "solution.py").read_bytes(), folder / "tests.json")
    verdicts = expected["verdict"]
    assert report.verdict.value in (verdicts if isinstance(verdicts, list) else [verdicts]), report
    if "cases" in expected:
        assert [case.verdict.value for case in report.cases] == expected["cases"], report.cases
    if "tamper_resistant" in expected:
        assert report.sandbox.tamper_resistant is expected["tamper_resistant"]
    if "score" in expected:
        assert report.score.to_dict() == pytest.approx(expected["score"])
    if "findings" in expected:
        source = cf.Source((folder / "solution.py").read_bytes())
        assert len(report.findings) == len(expected["findings"]), report.findings
        for finding, wanted in zip(report.findings, expected["findings"], strict=True):
            check_finding(finding, wanted, source)
    assert cf.Report.from_dict(json.loads(json.dumps(report.to_dict()))) == report


def test_the_order_of_a_set_of_strings_is_the_same_every_time() -> None:
    problem = {"cases": [{"stdin": "", "expected_stdout": "?"}]}
    details = {cf.grade("print(*set('abcdefgh'))", problem).cases[0].detail for _ in range(4)}
    assert len(details) == 1
