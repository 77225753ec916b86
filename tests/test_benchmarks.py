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
NUMBER = r"-?[\d.e+-]+ \S.* \(target <= [\d.]+\) (met|MISSED)"


def run(*arguments: str, benchmark: str = BENCHMARK.name) -> list[str]:
    command = [sys.executable, str(BENCHMARK.with_name(benchmark)), *arguments]
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


@pytest.mark.parametrize(
    ("arguments", "heads"),
    [
        ("speed --rounds 2 --programs 1 --cases 2", [f"containers over the local .*: {RATIO}"]),
        ("start --rounds 1", [f"cold start: {NUMBER}"]),
        ("left --programs 2 --kills 1", [f"left after .*: {NUMBER}"] * 3),
    ],
)
def test_containers(arguments: str, heads: list[str], image: str) -> None:
    name, *options = arguments.split()
    lines = run(name, *options, "--image", image, benchmark="containers.py")
    shown = [line for line in lines if not line.startswith(" ")]
    assert len(shown) == len(heads)
    for head, line in zip(heads, shown, strict=True):
        assert re.fullmatch(head, line), line


def test_what_needs_data_says_so() -> None:
    command = [sys.executable, str(BENCHMARK), "flips", "--limit", "1", "--out", "unused"]
    done = subprocess.run(command, capture_output=True, text=True, env={}, check=False)
    assert done.returncode == 1
    assert "CODEFEEDBACK_DATA" in done.stderr


@pytest.mark.parametrize(
    "line",
    ["spans.py codegen", "spans.py analysis", "tokens.py spans", "tokens.py weights", "blame.py"],
)
def test_the_other_benchmarks_ask_for_data(line: str) -> None:
    name, *arguments = line.split()
    command = [sys.executable, str(BENCHMARK.parent / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={}, check=False)
    assert done.returncode in (1, 2)
    assert "CODEFEEDBACK_DATA" in done.stderr


def test_a_few_samples_have_their_places(tmp_path: Path) -> None:
    """`spans.py codegen`, on samples of our own."""
    folder = tmp_path / "humaneval"
    folder.mkdir()
    problem = {
        "task_id": "t/0",
        "prompt": "def f(x):\n",
        "entry_point": "f",
        "test": "def check(c):\n    assert c(1) == 1\n",
        "canonical_solution": "    return x\n",
    }
    bodies = ["    return x\n", "    return y\n", "    return (x\n", "    if x:\n    return x\n"]
    (folder / "problems.jsonl").write_text(json.dumps(problem) + "\n")
    rows = [json.dumps({"task_id": "t/0", "completion": body}) + "\n" for body in bodies]
    (folder / "codegen16b_samples.jsonl").write_text("".join(rows))
    done = subprocess.run(
        [sys.executable, str(BENCHMARK.parent / "spans.py"), "codegen"],
        capture_output=True,
        text=True,
        env={**os.environ, "CODEFEEDBACK_DATA": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 samples, 3 of them raise or do not parse" in done.stdout
    assert "3  right" in done.stdout
