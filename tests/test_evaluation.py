from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import codefeedback as cf

PROBLEMS = [
    {
        "task_id": f"t/{number}",
        "prompt": "def f(x):\n",
        "entry_point": "f",
        "test": f"def check(c):\n    assert c(1) == {number}\n",
        "canonical_solution": f"    return {number}\n",
    }
    for number in range(3)
]
BODIES = ["    return 1\n", "    return x + 1\n", "    return x - 1\n", "    return y\n", "    (\n"]


@given(st.integers(1, 40), st.data())
def test_pass_at_k_is_the_share_of_draws_with_an_accepted_one(n: int, data: st.DataObject) -> None:
    c = data.draw(st.integers(0, n))
    k = data.draw(st.integers(1, n))
    exact = 1 - math.comb(n - c, k) / math.comb(n, k)
    assert cf.pass_at_k(n, c, k) == pytest.approx(exact, abs=1e-12)


def test_pass_at_k_of_many_samples() -> None:
    assert cf.pass_at_k(10**6, 1, 10**6) == 1.0
    assert cf.pass_at_k(10**6, 0, 1000) == 0.0
    assert cf.pass_at_k(200, 100, 1) == pytest.approx(0.5)


@pytest.mark.parametrize(("n", "c", "k"), [(1, 2, 1), (1, -1, 1), (2, 1, 3), (2, 1, 0), (0, 0, 1)])
def test_pass_at_k_refuses_nonsense(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match=r"accepted of|expected 1 to"):
        cf.pass_at_k(n, c, k)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with samples.jsonl (15 samples of 3 problems) and problems.jsonl."""
    samples = [
        {"task_id": problem["task_id"], "completion": body}
        for problem in PROBLEMS
        for body in BODIES
    ]
    write(tmp_path / "samples.jsonl", samples)
    write(tmp_path / "problems.jsonl", PROBLEMS)
    return tmp_path


def write(path: Path, rows: list[Any]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def start(folder: Path, *more: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "codefeedback", "evaluate", "samples.jsonl"]
    line += ["--problems", "problems.jsonl", "--out", "results.jsonl", *more]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(line, cwd=folder, text=True, stdin=subprocess.DEVNULL, **pipes)


PORTABLE = ("--sandbox", "portable", "--allow-weak-sandbox")


def evaluate(folder: Path, *more: str) -> tuple[int, str, str]:
    with start(folder, *more) as process:
        out, err = process.communicate(timeout=120)
    assert "Traceback" not in err, err
    return process.returncode, out, err


def results(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def test_an_evaluation(files: Path) -> None:
    status, out, _ = evaluate(files, "--k", "1,5,10", "--workers", "2")
    assert status == 0
    assert "15 of 15 graded" in out
    rows = {row["index"]: row for row in results(files)}
    verdicts = [rows[index]["verdict"] for index in range(15)]
    assert verdicts == ["WA", "WA", "AC", "RE", "CE", "AC", "WA", "WA", "RE", "CE",
                        "WA", "AC", "WA", "RE", "CE"]  # fmt: skip
    assert Counter(verdicts) == Counter(AC=3, WA=6, RE=3, CE=3)
    assert "pass@1    20.0%  over 3 problems" in out and "pass@5   100.0%" in out
    assert "no problem has 10 graded samples" in out
    finding = rows[3]["findings"][0]
    assert (finding["kind"], finding["spans"][0]["start_line"]) == ("NameError", 2)


def test_the_summary_as_json(files: Path) -> None:
    status, out, _ = evaluate(files, "--k", "1", "--format", "json")
    data = json.loads(out)
    assert status == 0
    assert data["verdicts"] == {"AC": 3, "WA": 6, "CE": 3, "RE": 3, "TLE": 0, "MLE": 0, "OLE": 0}


def test_done_work_is_not_done_again(files: Path) -> None:
    evaluate(files, "--limit", "4")
    first = (files / "results.jsonl").read_bytes()
    status, out, err = evaluate(files)
    assert status == 0 and "4 of 15 samples are graded" in err
    assert (files / "results.jsonl").read_bytes().startswith(first)
    assert sorted(row["index"] for row in results(files)) == list(range(15))
    before = (files / "results.jsonl").read_bytes()
    assert evaluate(files)[1] == out
    assert (files / "results.jsonl").read_bytes() == before


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_kill_at_any_moment_loses_nothing(files: Path, how: signal.Signals) -> None:
    slow = "    import time; time.sleep(0.2); return 1\n"
    write(files / "samples.jsonl", [{"task_id": "t/1", "completion": slow}] * 20)
    for seconds in (1.2, 0.9, 1.5):
        with start(files, "--workers", "2") as process:
            time.sleep(seconds)
            process.send_signal(how)
            _, err = process.communicate(timeout=60)
            assert "Traceback" not in err
    status, out, _ = evaluate(files, "--workers", "2")
    assert status == 0 and "20 of 20 graded" in out
    assert sorted(row["index"] for row in results(files)) == list(range(20))


def test_a_line_cut_in_half_is_done_again(files: Path) -> None:
    evaluate(files)
    path = files / "results.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:5]) + lines[5][: len(lines[5]) // 2])
    assert evaluate(files)[0] == 0
    assert sorted(row["index"] for row in results(files)) == list(range(15))


@pytest.mark.parametrize("more", [["--policy", "tokens"], ["--cpu-seconds", "1"], ["--fail-fast"]])
def test_results_of_other_settings_are_refused(files: Path, more: list[str]) -> None:
    evaluate(files, "--limit", "3")
    before = (files / "results.jsonl").read_bytes()
    status, _, err = evaluate(files, *more)
    assert status == 2 and "--restart" in err
    assert (files / "results.jsonl").read_bytes() == before
    assert evaluate(files, *more, "--restart", "--limit", "3")[0] == 0
    assert len(results(files)) == 3


def test_results_of_other_samples_or_problems_are_refused(files: Path) -> None:
    evaluate(files)
    rows = [json.loads(line) for line in (files / "samples.jsonl").read_text().splitlines()]
    rows[2]["completion"] = "    return 7\n"
    write(files / "samples.jsonl", rows)
    status, _, err = evaluate(files)
    assert status == 2 and "results.jsonl:" in err


def test_no_other_file_is_taken_for_results(files: Path) -> None:
    (files / "results.jsonl").write_text("my only copy\n")
    for more in ([], ["--restart"]):
        status, _, _ = evaluate(files, *more)
        assert status == 2
        assert (files / "results.jsonl").read_text() == "my only copy\n"


def test_two_runs_cannot_write_one_file(files: Path) -> None:
    slow = "    import time; time.sleep(3); return 1\n"
    write(files / "samples.jsonl", [{"task_id": "t/1", "completion": slow}])
    with start(files) as first:
        time.sleep(1.5)
        status, _, err = evaluate(files)
        first.communicate(timeout=60)
    assert status in (2, 3) and "results.jsonl" in err
    assert len(results(files)) == 1


def test_what_could_not_be_graded_is_tried_again(files: Path) -> None:
    flag = files / "flag"
    killer = (
        f"    import os, signal\n    if not os.path.exists({os.fspath(flag)!r}):\n"
        "        os.kill(os.getppid(), signal.SIGKILL)\n    return 1\n"
    )
    write(files / "samples.jsonl", [{"task_id": "t/1", "completion": killer}])
    status, out, err = evaluate(files, *PORTABLE)
    assert status == 3 and "could not be graded" in err
    assert "0 of 1 graded" in out
    flag.touch()
    assert evaluate(files, *PORTABLE)[0] == 0
    assert [("ungraded" in row, row.get("verdict")) for row in results(files)] == [
        (True, None),
        (False, "AC"),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"completion": "x"}, "samples.jsonl:2"),
        ({"task_id": "t/1"}, "samples.jsonl:2"),
        ({"task_id": "t/1", "completion": None}, "samples.jsonl:2: there is no program"),
        ({"task_id": "nope", "completion": ""}, "nope"),
        ([], "samples.jsonl:2"),
        ("x", "samples.jsonl:2"),
    ],
)
def test_bad_samples_are_found_before_anything_is_graded(
    files: Path, row: object, message: str
) -> None:
    write(files / "samples.jsonl", [{"task_id": "t/1", "completion": "    return 1\n"}, row])
    status, _, err = evaluate(files)
    assert status == 2 and message in err
    assert not (files / "results.jsonl").exists() or not results(files)


def test_whole_programs_and_other_keys(files: Path) -> None:
    whole = "def f(x):\n    return 1\n"
    keys = [("id", "solution"), ("question_id", "code"), ("problem_id", "program")]
    write(files / "samples.jsonl", [{name: "t/1", key: whole} for name, key in keys])
    evaluate(files)
    assert [row["verdict"] for row in results(files)] == ["AC"] * 3


def test_answers_are_extracted_and_cut_ones_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in PROBLEMS))
    fenced = "Here:\n```python\ndef f(x):\n    return 1\n```\n"
    samples = [
        {"task_id": "t/1", "completion": fenced},
        {"task_id": "t/1", "completion": [{"role": "assistant", "content": fenced}]},
        {"task_id": "t/1", "solution": "```python\ndef f(x):\n    return (1", "truncated": True},
        {"task_id": "t/1", "completion": "I cannot."},
    ]
    (tmp_path / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in samples))
    command = [sys.executable, "-m", "codefeedback", "evaluate", "samples.jsonl"]
    command += ["--problems", "problems.jsonl", "--out", "out.jsonl", "--extract", "last-fence"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    rows.sort(key=lambda row: row["index"])
    assert [row["verdict"] for row in rows] == ["AC", "AC", "CE", "CE"]
    assert [row["extraction"]["found"] for row in rows] == [
        *("fence", "fence", "unfinished-fence", "whole-text")
    ]
    assert rows[2]["truncated"] and rows[2]["findings"][0]["rule"] == "truncated"
    assert rows[0]["settings"]["extract"] == "last-fence"
    command[-1] = "first-fence"
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert again.returncode == 2 and "extract" in again.stderr


def test_completions_are_mapped_behind_their_prompt(files: Path) -> None:
    command = [sys.executable, "-m", "codefeedback", "evaluate", "samples.jsonl"]
    command += ["--problems", "problems.jsonl", "--out", "out.jsonl"]
    subprocess.run(command, cwd=files, capture_output=True, check=True)
    rows = [json.loads(line) for line in (files / "out.jsonl").read_text().splitlines()]
    undefined = [row for row in rows if row["verdict"] == "RE"]
    assert undefined
    for row in undefined:
        assert row["extraction"]["policy"] == "prompt+completion"
        ((start, end),) = row["findings"][0]["completion_spans"]
        assert "    return y\n"[start:end] == "    return y"


@pytest.mark.parametrize("bad", [{"truncated": "yes"}, {"completion": [{"role": "user"}]}])
def test_samples_that_are_none(tmp_path: Path, bad: dict[str, Any]) -> None:
    (tmp_path / "problems.jsonl").write_text(json.dumps(PROBLEMS[0]) + "\n")
    row = {"task_id": "t/0", "completion": "x", **bad}
    (tmp_path / "samples.jsonl").write_text(json.dumps(row) + "\n")
    command = [sys.executable, "-m", "codefeedback", "evaluate", "samples.jsonl"]
    command += ["--problems", "problems.jsonl", "--out", "out.jsonl"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "samples.jsonl:1" in done.stderr and next(iter(bad)) in done.stderr
