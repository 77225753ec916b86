from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import codefeedback as cf

DOUBLE = {
    "cases": [
        {"name": "one", "stdin": "1", "expected_stdout": "2"},
        {"name": "two", "stdin": "2", "expected_stdout": "4"},
    ]
}
RIGHT = "print(int(input()) * 2)\n"
WRONG = "print(int(input()) * 2 if 0 else 2)\n"


def test_a_report_of_everything() -> None:
    report = cf.grade(WRONG, DOUBLE)
    assert (report.verdict, report.outcome) == (cf.Verdict.WA, cf.Outcome.FAILURE)
    assert report.score == cf.Score(
        coarse=-0.3, fine=0.0, adaptive=-0.3 + 1.3 / 2, passed=1, total=2
    )
    assert [case.verdict.value for case in report.cases] == ["AC", "WA"]
    assert report.cases[1].detail == "line 1: expected '4', got '2'"
    assert report.policy == report.cases[0].policy == "strict"
    with cf.LocalSandbox() as sandbox:
        assert report.sandbox == cf.SandboxInfo(
            name="local", tier=sandbox.tier, tamper_resistant=True
        )
    assert report.limits == cf.Limits().to_dict()
    case = report.cases[0]
    assert 0 < case.cpu_seconds < case.wall_seconds < 4 and case.max_rss_bytes > 1 << 20


def test_the_json_has_the_documented_keys() -> None:
    data = cf.grade("x = 1\n1 / 0\n", DOUBLE).to_dict()
    assert list(data) == [
        *("schema_version", "verdict", "outcome", "score", "policy", "sandbox", "limits"),
        *("cases", "findings", "skipped", "policies"),
        *("program_length", "granularity", "truncated", "extraction", "coverage"),
    ]
    assert {"name", "verdict", "cpu_seconds", "wall_seconds", "max_rss_bytes", "exit_code",
            "detail"} <= data["cases"][0].keys()  # fmt: skip
    (finding,) = data["findings"]
    assert finding == {
        "scope": "U_line",
        "kind": "ZeroDivisionError",
        "rule": "ZeroDivisionError",
        "origin": "runtime",
        "message": "division by zero",
        "case": "one",
        "cases": ["one", "two"],
        "weight": 1.0,
        "score": -0.3,
        "spans": [
            {
                "start": 6,
                "end": 11,
                "start_line": 2,
                "start_column": 0,
                "end_line": 2,
                "end_column": 5,
            }
        ],
        "secondary": [],
    }


def test_reports_survive_json() -> None:
    report = cf.grade("x = (\n", DOUBLE)
    assert cf.Report.from_dict(json.loads(json.dumps(report.to_dict()))) == report
    with pytest.raises(ValueError, match="schema_version"):
        cf.Report.from_dict({**report.to_dict(), "schema_version": 99})


@pytest.mark.parametrize("program", [RIGHT, RIGHT.encode(), cf.Source(RIGHT, "my name.py")])
def test_kinds_of_program(program: str | bytes | cf.Source) -> None:
    assert cf.grade(program, DOUBLE).verdict is cf.Verdict.AC


def test_the_program_runs_under_its_own_name() -> None:
    problem = {"cases": [{"stdin": "", "expected_stdout": "my name.py"}]}
    source = cf.Source("import sys\nprint(sys.argv[0])\n", "my name.py")
    assert cf.grade(source, problem).verdict is cf.Verdict.AC


def test_kinds_of_problem(tmp_path: Path) -> None:
    path = tmp_path / "tests.json"
    path.write_text(json.dumps(DOUBLE))
    for problem in (DOUBLE, str(path), path, cf.load_problem(path)):
        assert cf.grade(RIGHT, problem).verdict is cf.Verdict.AC


def test_limits_of_the_problem_and_of_the_grader() -> None:
    problem = {**DOUBLE, "limits": {"cpu_seconds": 1, "output_bytes": 77}}
    with cf.Grader(limits={"cpu_seconds": 2.5}) as grader:
        limits = grader.grade(RIGHT, problem).limits
    assert (limits["cpu_seconds"], limits["output_bytes"]) == (2.5, 77)
    with cf.Grader(limits=cf.Limits()) as grader:
        assert grader.grade(RIGHT, problem).limits == cf.Limits().to_dict()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"workers": 0}, "workers: expected a whole number from 1 on"),
        ({"policy": "nope"}, "nope"),
        ({"compare_policies": ["nope"]}, "nope"),
        ({"sandbox": "nope"}, "unknown sandbox 'nope'"),
        ({"limits": {"cpu_seconds": -1}}, "cpu_seconds: expected a positive number"),
        ({"limits": {"cpu_seconds": float("nan")}}, "cpu_seconds: expected a positive number"),
        ({"limits": {"memory_bytes": 1.5}}, "memory_bytes: expected a whole number"),
        ({"limits": {"seconds": 1}}, "seconds"),
        ({"python": "/no/such"}, "no Python interpreter"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(cf.UsageError, match=message):
        cf.Grader(**settings)


def test_fail_fast_says_what_was_skipped() -> None:
    problem = {"cases": [*DOUBLE["cases"], {"stdin": "3", "expected_stdout": "6"}]}
    report = cf.grade("print(5)\n", problem, fail_fast=True)
    assert len(report.cases) == 1
    assert [item.what for item in report.skipped] == ["two", "case 3"]


def test_policies_side_by_side() -> None:
    problem = {"cases": [{"name": "a", "stdin": "", "expected_stdout": "1 2 3"}]}
    with cf.Grader(compare_policies=["apps", "exact"]) as grader:
        views = {view.policy: view for view in grader.grade("print(3, 2, 1)", problem).policies}
    assert views["apps"] == cf.PolicyView(
        policy="apps", verdict=cf.Verdict.AC, passed=1, flips=("a",)
    )
    assert views["exact"].flips == ()


def test_answers_from_a_reference_program() -> None:
    problem = cf.Problem(
        cases=(cf.CallCase(name="a", entry_point="f", args=(3,)),), reference="def f(x): return 2*x"
    )
    assert cf.grade("def f(x): return x + x", problem).verdict is cf.Verdict.AC
    assert cf.grade("def f(x): return x + 1", problem).verdict is cf.Verdict.WA


@pytest.mark.parametrize("reference", [None, "def f(x): return 1/0", "def g(x): ..."])
def test_a_reference_that_gives_no_answer(reference: str | None) -> None:
    problem = cf.Problem(
        cases=(cf.CallCase(name="a", entry_point="f", args=(3,)),), reference=reference
    )
    with pytest.raises(cf.ProblemError, match="reference"):
        cf.grade("def f(x): return x", problem)


@pytest.mark.parametrize(
    "checker",
    ["1/0", "import sys; sys.exit(7)", "x = (", "import os; os.kill(os.getpid(), 9)"],
)
def test_a_checker_that_fails_is_our_failure(checker: str) -> None:
    problem = {"policy": "checker", "checker": checker, **DOUBLE}
    with pytest.raises(cf.CheckerError, match="the checker failed"):
        cf.grade(RIGHT, problem)


def test_a_checker_does_not_run_for_a_program_that_failed() -> None:
    problem = {"policy": "checker", "checker": "1/0", **DOUBLE}
    assert cf.grade("1/0", problem).verdict is cf.Verdict.RE


def test_a_checker_needs_printed_output() -> None:
    problem = {
        "policy": "checker",
        "checker": "1",
        "cases": [{"entry_point": "f", "args": [], "expected": 1}],
    }
    with pytest.raises(cf.ProblemError, match="printed output"):
        cf.grade("def f(): return 1", problem)


def programs(count: int, pulled: list[int]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number in range(count):
        pulled.append(number)
        # Every third is slow, so that completion is out of order.
        pause = "import time\ntime.sleep(0.3)\n" if number % 3 == 0 else ""
        yield (
            pause + f"print({number})\n",
            {"cases": [{"stdin": "", "expected_stdout": str(number - number % 2)}]},
        )


def test_grade_many_keeps_the_order() -> None:
    with cf.Grader(workers=3) as grader:
        results = list(grader.grade_many(programs(12, [])))
    assert [str(r.verdict) for r in results if isinstance(r, cf.Report)] == ["AC", "WA"] * 6


def test_grade_many_as_completed() -> None:
    with cf.Grader(workers=3) as grader:
        indices = [index for index, _ in grader.grade_indexed(programs(7, []))]
        assert len(list(grader.grade_many(programs(4, []), ordered=False))) == 4
    assert sorted(indices) == list(range(7)) != indices


@pytest.mark.parametrize("ordered", [True, False])
def test_grade_many_is_lazy(ordered: bool) -> None:
    pulled: list[int] = []
    with cf.Grader(workers=2) as grader:
        results = grader.grade_many(programs(10**9, pulled), ordered=ordered)
        list(itertools.islice(results, 5))
        assert len(pulled) <= 5 + 8
        results.close()  # type: ignore[attr-defined]


def test_our_failures_are_items_of_a_batch() -> None:
    broken = {"cases": [{"test": "assert ("}]}
    suicide = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n"
    with cf.Grader(workers=2, sandbox="portable", allow_weak_sandbox=True) as grader:
        results = list(
            grader.grade_many(
                [(RIGHT, DOUBLE), ("x = 1", broken), (suicide, DOUBLE), (RIGHT, {"cases": 5})]
            )
        )
    assert isinstance(results[0], cf.Report)
    reasons = [result.reason for result in results[1:] if isinstance(result, cf.Ungraded)]
    assert len(reasons) == 3
    assert reasons[0].startswith("ProblemError") and reasons[1].startswith("RunLostError")


def test_agrade() -> None:
    async def both() -> tuple[cf.Report, cf.Report]:
        with cf.Grader(workers=2) as grader:
            return await asyncio.gather(grader.agrade(RIGHT, DOUBLE), grader.agrade(WRONG, DOUBLE))

    right, wrong = asyncio.run(both())
    assert (right.verdict, wrong.verdict) == (cf.Verdict.AC, cf.Verdict.WA)


def test_closing_ends_a_batch_under_way() -> None:
    sleeper = ("import time\ntime.sleep(100)\n", {**DOUBLE, "limits": {"wall_seconds": 90}})
    started = time.monotonic()
    with cf.Grader(workers=2) as grader:
        results = grader.grade_many(itertools.repeat(sleeper))
        pending = asyncio.new_event_loop()
        pending.call_later(0.5, grader.close)
        pending.run_in_executor(None, next, results)
        pending.call_later(1.5, pending.stop)
        pending.run_forever()
        pending.run_until_complete(pending.shutdown_default_executor())
        pending.close()
    assert time.monotonic() - started < 30


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def children() -> set[str]:
    tasks = Path("/proc/self/task").iterdir()
    return {child for task in tasks for child in (task / "children").read_text().split()}


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before, known = open_files(), children()  # other tests keep a server of processes
    for _ in range(20):
        cf.grade(RIGHT, DOUBLE)
    assert open_files() == before
    assert list(tmp_path.iterdir()) == []
    assert children() <= known


def test_nothing_outlives_a_killed_grader(tmp_path: Path) -> None:
    flag = tmp_path / "running"
    sleeper = f"import time\nopen({str(flag)!r}, 'w').close()\ntime.sleep(90)\n"
    settings = {"limits": {"wall_seconds": 80}, "sandbox": "portable", "allow_weak_sandbox": True}
    grade = f"import codefeedback as cf; cf.grade({sleeper!r}, {DOUBLE!r}, **{settings})"
    folder = tmp_path / "tmp"
    folder.mkdir()
    grader = subprocess.Popen(
        [sys.executable, "-c", grade], env=os.environ | {"TMPDIR": str(folder)}
    )
    wait_until(flag.exists)
    grader.kill()
    grader.wait()
    wait_until(lambda: not list(folder.iterdir()))


def wait_until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.05)


@pytest.mark.parametrize("program", [5, [1, 2], [], None, True, 1.5, {"a": 1}])
def test_what_is_no_program_is_refused(program: Any) -> None:
    with pytest.raises(cf.UsageError, match="a program must be a text or bytes, got"):
        cf.grade(program, DOUBLE)
    with pytest.raises(cf.UsageError, match="a program must be a text or bytes, got"):
        cf.analyse(program)


def test_chat_messages_are_a_completion() -> None:
    messages: Any = [
        {"role": "user", "content": "Double it."},
        {"role": "assistant", "content": "```python\nprint(2 * int(input()))\n```"},
    ]
    assert cf.grade(messages, DOUBLE, extract="last-fence").verdict is cf.Verdict.AC
    assert cf.grade(cf.Completion(text=messages), DOUBLE).verdict is cf.Verdict.AC
    with pytest.raises(cf.UsageError, match="for chat messages give extract="):
        cf.grade(messages, DOUBLE)


def test_a_batch_survives_what_is_no_pair() -> None:
    items: Any = [("print(2 * int(input()))", DOUBLE), 3, ("print(1)", DOUBLE, True)]
    with cf.Grader(python=Path(sys.executable)) as grader:
        good, *bad = grader.grade_many(items)
    assert isinstance(good, cf.Report) and good.verdict is cf.Verdict.AC
    for each in bad:
        assert isinstance(each, cf.Ungraded)
        assert "expected (program, problem)" in each.reason


def test_settings_of_a_wrong_type_are_refused() -> None:
    wrong: Any
    for wrong in ("2", 1.5, True, 0):
        with pytest.raises(cf.UsageError, match="workers"):
            cf.Grader(workers=wrong)
    for wrong in (["ochiai"], 3):
        with pytest.raises(cf.UsageError, match="blame"):
            cf.Grader(blame=wrong)
    with pytest.raises(cf.UsageError, match="truncated"):
        cf.grade("print(1)", DOUBLE, truncated="false")  # type: ignore[arg-type]
    with pytest.raises(cf.UsageError, match="truncated"):
        cf.Completion(text="print(1)", truncated="no")  # type: ignore[arg-type]
    for name in ("coverage", "reuse", "fail_fast", "site_packages", "allow_weak_sandbox"):
        with pytest.raises(cf.UsageError, match=f"{name}: expected True or False, got 'no'"):
            cf.Grader(**{name: "no"})  # type: ignore[arg-type]
    for name, wrong in (
        ("preload", "numpy"),
        ("compare_policies", "strict"),
        ("compare_policies", [3]),
        ("policy", 3),
        ("limits", []),
        ("sandbox", None),
    ):
        with pytest.raises(cf.UsageError, match=f"{name}: expected"):
            cf.Grader(**{name: wrong})
    with pytest.raises(cf.UsageError, match="plain file name"):
        cf.grade(cf.Completion(text="print(1)", policy="whole-text", name="a/b.py"), DOUBLE)


# --- forks --------------------------------------------------------------------------------------


def in_a_fork(body: Callable[[], object]) -> str:
    """What `body` returns there, as text; an exception's type, or nothing if it hangs."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            signal.alarm(60)
            try:
                told = str(body())
            except cf.CodeFeedbackError as error:
                told = type(error).__name__
            os.write(writer, told.encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        told = answer.read()
    os.waitpid(pid, 0)
    return told


# Of forking with threads, which is what this is about.
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_goes_on_grading() -> None:
    def verdicts() -> list[str]:
        results = grader.grade_many([(RIGHT, DOUBLE), (WRONG, DOUBLE)] * 2)
        return [result.verdict.value for result in results if isinstance(result, cf.Report)]

    with cf.Grader(workers=2) as grader:
        assert verdicts() == ["AC", "WA"] * 2
        assert in_a_fork(verdicts) == str(["AC", "WA"] * 2)
        assert in_a_fork(lambda: asyncio.run(grader.agrade(RIGHT, DOUBLE)).verdict.value) == "AC"
        with grader._lock:  # as if another thread held it
            assert in_a_fork(verdicts) == str(["AC", "WA"] * 2)
        assert verdicts() == ["AC", "WA"] * 2


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_batch_goes_on_where_it_began() -> None:
    with cf.Grader() as grader:
        batch = grader.grade_many([(RIGHT, DOUBLE)] * 6)
        next(batch)
        assert in_a_fork(lambda: next(batch)) == "RunLostError"
        assert all(isinstance(result, cf.Report) for result in batch)
