"""The benchmarks run and print what they should; how fast anything is, is not asked here."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import codefeedback as cf

BENCHMARK = Path(__file__).parent.parent / "benchmarks" / "sandbox.py"
RATIO = r"[\d.e+-]+ vs [\d.e+-]+ \S.* -> ratio \d+\.\d\d \(target [<>]= [\d.]+\) (met|MISSED)"
NUMBER = r"-?[\d.e+-]+ \S.* \(target <= \d+\) (met|MISSED)"


def run(*arguments: str) -> list[str]:
    command = [sys.executable, str(BENCHMARK), *arguments]
    environment = {key: os.environ[key] for key in os.environ if key != "CODEFEEDBACK_DATA"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def needs_local_sandbox() -> None:
    try:
        cf.LocalSandbox().close()
    except cf.SandboxUnavailableError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ("floor --rounds 2 --cases 3", ["floor", "floor, sandbox alone"]),
        ("subprocess --rounds 2 --cases 2", ["subprocess"]),
        ("reuse --rounds 2 --cases 3 --programs 1", ["reuse"]),
    ],
)
def test_ratios(arguments: str, names: list[str], tmp_path: Path) -> None:
    needs_local_sandbox()
    file = tmp_path / "results.jsonl"
    lines = run(*arguments.split(), "--json", str(file))
    heads = [line for line in lines if not line.startswith(" ")]
    assert len(heads) == len(names)
    for name, line in zip(names, heads, strict=True):
        assert re.fullmatch(f"{name}: {RATIO}", line), line
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["figure"] for row in rows] == names
    assert all(len(row["ours"]) == len(row["theirs"]) == 2 for row in rows)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ("memory --cases 20", ["memory of the zygote", "growth of .*", "left after close"]),
        (
            "overshoot --rounds 2 --seconds 0.1 --load 1",
            ["overshoot, idle", "overshoot, 1x oversubscribed"],
        ),
    ],
)
def test_numbers(arguments: str, names: list[str]) -> None:
    needs_local_sandbox()
    heads = [line for line in run(*arguments.split()) if not line.startswith(" ")]
    assert len(heads) == len(names)
    for name, line in zip(names, heads, strict=True):
        assert re.fullmatch(f"{name}: {NUMBER}", line), line
    if "memory" in arguments:
        assert heads[-1].startswith("left after close: 0 ")


def test_what_needs_data_says_so() -> None:
    command = [sys.executable, str(BENCHMARK), "flips", "--limit", "1", "--out", "unused"]
    done = subprocess.run(command, capture_output=True, text=True, env={}, check=False)
    assert done.returncode == 1
    assert "CODEFEEDBACK_DATA" in done.stderr
