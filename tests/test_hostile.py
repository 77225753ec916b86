"""Every program of tests/hostile gets the verdict that its folder declares, and harms nothing.

All are graded once in the local sandbox and once in containers, by tests/hostile/run.py in a pid
namespace of its own: a hole of the sandbox reaches that process alone, and what the programs leave
running can be seen.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hostile import run

import codefeedback as cf

FOLDERS = run.folders()
CLASSES = {
    "answer-theft",
    "escape",
    "grader-tampering",
    "honest",
    "hostile-objects",
    "leftovers",
    "liveness",
    "parse-bombs",
    "resource-abuse",
    "verdict-forgery",
}
_RUNNER = Path(run.__file__)
_SECONDS = 900  # a minute on two free processors


class Graded:
    """What the runner printed."""

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        self.final: Mapping[str, Any] = next(line["final"] for line in lines if "final" in line)
        self.outcomes = {
            line["slug"]: run.Outcome.from_dict(line) for line in lines if "slug" in line
        }


@pytest.fixture(scope="module", params=["local", "docker"])
def graded(request: pytest.FixtureRequest) -> Graded:
    sandbox: str = request.param
    command = [sys.executable, str(_RUNNER), "--sandbox", sandbox, *_selection(request, sandbox)]
    if sandbox == "docker":
        command += ["--image", request.getfixturevalue("image")]
    else:
        try:
            cf.Grader(sandbox="local").close()
        except cf.SandboxUnavailableError as error:
            pytest.skip(f"the portable sandbox does not withstand these: {error}")
    try:
        command = run.isolated(command)
    except RuntimeError as error:
        pytest.skip(f"hostile programs are only run where nothing can happen: {error}")
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return Graded([json.loads(line) for line in done.stdout.splitlines()])


def _selection(request: pytest.FixtureRequest, sandbox: str) -> list[str]:
    """Options for the programs that this run of pytest asks for: none for all of them."""
    here = [item.name for item in request.session.items if item.path == request.path]
    # The whole test or those of single folders: `test_program[sandbox-class/slug]`.
    asked = [
        slug
        for name in here
        if (slug := name.partition(f"test_program[{sandbox}-")[2].removesuffix("]"))
    ]
    if len(asked) == len(FOLDERS):
        return []
    return [option for slug in asked for option in ("--only", slug)]


@pytest.mark.parametrize("folder", FOLDERS, ids=run.slug_of)
def test_program(folder: Path, graded: Graded) -> None:
    outcome = graded.outcomes[run.slug_of(folder)]
    assert outcome.ungraded is None
    assert outcome.as_declared(run.Expected.of(folder)), outcome


def test_nothing_around_the_programs_was_harmed(graded: Graded) -> None:
    assert graded.final["isolated"]
    assert graded.final["escaped"] == []
    assert graded.final["fooled"] == []
    assert graded.final["lost"] == []


def test_the_suite_is_as_large_as_it_says() -> None:
    assert {folder.parent.name for folder in FOLDERS} == CLASSES
    honest = [folder for folder in FOLDERS if folder.parent.name == run.HONEST]
    assert len(honest) >= 45
    assert len(FOLDERS) - len(honest) >= 160


def test_only_honest_programs_may_be_accepted() -> None:
    for folder in FOLDERS:
        verdicts = run.Expected.of(folder).verdicts
        assert (verdicts == ("AC",)) == (folder.parent.name == run.HONEST), folder
        assert "AC" not in verdicts[1:], folder


def test_a_summary_names_what_went_wrong() -> None:
    declared = {
        "escape/a": run.Expected(("RE",)),
        "escape/b": run.Expected(("RE", "WA")),
        "leftovers/c": run.Expected(("WA",), ("AC", "WA")),
        "liveness/d": run.Expected(("TLE",)),
        "liveness/e": run.Expected(("TLE",)),
        "honest/f": run.Expected(("AC",)),
    }
    outcomes = [
        run.Outcome(slug="escape/a", verdict="AC", cases=("AC",)),
        run.Outcome(slug="escape/b", verdict="WA", cases=("WA",)),
        run.Outcome(slug="leftovers/c", verdict="WA", cases=("WA", "AC")),
        run.Outcome(slug="liveness/d", ungraded="RunLostError: gone"),
        run.Outcome(slug="honest/f", verdict="TLE", cases=("TLE",)),
    ]
    result = run.summary(outcomes, declared, ["canary: text was changed"])
    assert result == run.Summary(
        programs=6,
        fooled=["escape/a"],
        escaped=["canary: text was changed"],
        lost=["liveness/d", "liveness/e"],
        rejected=["honest/f"],
        otherwise=["leftovers/c"],
    )
    assert not result.clean
