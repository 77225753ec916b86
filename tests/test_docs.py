"""The documentation says what is: its examples run, its tables name what exists."""

from __future__ import annotations

import doctest
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import codefeedback as cf

ROOT = Path(__file__).parent.parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "sandbox_images/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
PROGRAMS = ROOT / "tests" / "data" / "programs"


_COMMANDS = ["", "grade", "evaluate", "convert", "doctor", "sandbox build", "sandbox prune"]


def blocks(page: Path, language: str) -> list[str]:
    found = rf"^(`{{3,}}){language}\n(.*?)^\1$"
    return [text for _, text in re.findall(found, page.read_text(), re.DOTALL | re.MULTILINE)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_examples_run(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "examples")
    names = {"__name__": "example"}  # what a page defines, its later examples use
    for block in blocks(page, "python"):
        exec(compile(block, str(page), "exec"), names)


def test_the_table_of_blame_is_the_taxonomy() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "feedback.py")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == (ROOT / "docs" / "feedback.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("command", _COMMANDS)
def test_the_help_texts_are_what_the_commands_print(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "codefeedback", *command.split(), "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": "100", "TERM": "dumb", "LANG": "C.UTF-8"},
    )
    assert (
        done.stdout.rstrip() in blocks(ROOT / "docs" / "cli.md", "text")[_COMMANDS.index(command)]
    )


@pytest.mark.parametrize("command", ["", "run", "sft", "eval", "report"])
def test_the_help_texts_of_the_trainer_are_what_it_prints(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rltf_train", *command.split(), "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": "100", "TERM": "dumb", "LANG": "C.UTF-8"},
    )
    assert done.stdout.rstrip() + "\n" in blocks(ROOT / "docs" / "training.md", "text")


def test_the_module_example() -> None:
    assert doctest.testmod(cf).failed == 0


def conformance_rows() -> list[tuple[str, str]]:
    text = (ROOT / "docs" / "conformance.md").read_text()
    rows = [line.split("|") for line in text.splitlines() if line.startswith("|")]
    return [
        (folder, row[4].split(",")[0].strip())
        for row in rows
        if len(row) == 6
        for folder in re.findall(r"`([a-z0-9-]+)`", row[3])
    ]


@pytest.mark.parametrize(("folder", "verdict"), conformance_rows())
def test_the_table_of_wrong_graders_is_ours(folder: str, verdict: str) -> None:
    expected = json.loads((PROGRAMS / folder / "expected.json").read_text())
    assert expected["verdict"] == verdict
