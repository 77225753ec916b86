"""The command, run as users run it: in a process of its own."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from codefeedback.sandbox.probe import offer_of

TESTS = {"cases": [{"name": "a", "stdin": "2 3\n", "expected_stdout": "5\n"}]}
RIGHT = "a, b = map(int, input().split())\nprint(a + b)\n"


def command(*arguments: str | Path, **settings: Any) -> subprocess.Popen[bytes]:
    line = [sys.executable, "-m", "codefeedback", *map(str, arguments)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen(line, **{**pipes, "stderr": subprocess.PIPE, **settings})


PORTABLE = ("--sandbox", "portable", "--allow-weak-sandbox")


def run(*arguments: str | Path, stdin: bytes = b"") -> tuple[int, str, str]:
    """(exit status, standard output, standard error)."""
    with command(*arguments) as process:
        out, err = process.communicate(stdin, timeout=120)
    assert b"Traceback" not in err, err.decode()
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
def tests(tmp_path: Path) -> Path:
    path = tmp_path / "tests.json"
    path.write_text(json.dumps(TESTS))
    return path


@pytest.fixture
def solution(tmp_path: Path) -> Path:
    path = tmp_path / "sum.py"
    path.write_text(RIGHT)
    return path


def test_an_accepted_program(solution: Path, tests: Path) -> None:
    status, out, err = run("grade", solution, "--tests", tests)
    assert status == 0
    assert out.startswith("sum.py: AC  1/1 cases  policy strict, sandbox local (")
    assert "coarse 1 (pass)" in out and "\x1b" not in out
    assert err == ""


def test_weak_sandboxes_are_refused_where_nobody_looks(solution: Path, tests: Path) -> None:
    line = ("grade", solution, "--tests", tests, "--sandbox", "portable")
    status, out, err = run(*line)
    assert (status, out) == (2, "") and "--allow-weak-sandbox" in err
    status, out, err = run(*line, "--allow-weak-sandbox")
    assert (status, err) == (0, "") and "sandbox portable" in out


def test_weak_sandboxes_are_warned_of_at_a_terminal(solution: Path, tests: Path) -> None:
    ours, theirs = pty.openpty()
    arguments = ("grade", solution, "--tests", tests, "--sandbox", "portable")
    environment = {**os.environ, "TERM": "xterm"}
    process = command(*arguments, stderr=theirs, stdin=subprocess.DEVNULL, env=environment)
    os.close(theirs)
    assert process.stdout is not None
    out = process.stdout.read()
    shown = os.read(ours, 4096).decode()
    os.close(ours)
    assert process.wait() == 0 and b"AC" in out
    process.stdout.close()
    assert "warning: the portable sandbox cannot hide" in shown


def test_doctor_says_what_is_offered_and_what_it_means() -> None:
    status, out, err = run("doctor")
    offer = offer_of(sys.executable)
    hides = offer.seccomp is not None and (offer.landlock > 0 or offer.namespaces)
    assert (status, err) == (0 if hides else 1, "")
    assert "system call filter" in out and "sandbox auto = " in out
    told = json.loads(run("doctor", "--format", "json")[1])
    assert told["offer"]["landlock"] == offer.landlock
    assert told["sandbox"]["hides_files"] is hides


def test_a_program_from_standard_input(tests: Path) -> None:
    status, out, _ = run("grade", "-", "--tests", tests, stdin=b"print(1 /\n0)\n")
    assert status == 1
    assert "ZeroDivisionError" in out and "> 1 | print(1 /" in out and "^" in out


def test_json_is_one_document_and_the_report(solution: Path, tests: Path) -> None:
    status, out, err = run("grade", solution, "--tests", tests, "--format", "json")
    data = json.loads(out)
    assert (status, err) == (0, "")
    assert (data["schema_version"], data["verdict"], data["score"]["coarse"]) == (1, "AC", 1.0)


def test_an_apps_folder(solution: Path, tmp_path: Path) -> None:
    folder = tmp_path / "0001"
    folder.mkdir()
    (folder / "input_output.json").write_text(json.dumps({"inputs": ["1 2"], "outputs": ["3"]}))
    assert run("grade", solution, "--tests", folder)[0] == 0


def test_policies_and_limits(solution: Path, tests: Path, tmp_path: Path) -> None:
    solution.write_text("print(' 5')\n")
    assert run("grade", solution, "--tests", tests)[0] == 1
    assert run("grade", solution, "--tests", tests, "--policy", "tokens")[0] == 0
    _, out, _ = run("grade", solution, "--tests", tests, "--compare-policies")
    assert "tokens" in out and "AC   1/1 cases  differs in a" in out
    solution.write_text("x = bytearray(200 << 20)\n")
    _, out, _ = run("grade", solution, "--tests", tests, "--memory", "100MB")
    assert "MLE" in out
    solution.write_text("while True: pass\n")
    started = time.monotonic()
    _, out, _ = run("grade", solution, "--tests", tests, "--cpu-seconds", "0.3")
    assert "TLE" in out and time.monotonic() - started < 20


def test_the_programs_own_name_is_used(tmp_path: Path, tests: Path) -> None:
    odd = tmp_path / "my prögram [bold].py"
    odd.write_text("import sys\nsys.exit(sys.argv[0])\n")
    status, out, _ = run("grade", odd, "--tests", tests)
    assert status == 1 and out.startswith("my prögram [bold].py: RE")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_names_of_files_need_not_be_text(tmp_path: Path, tests: Path, encoding: str) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9-\x1b[31m.py"
    with open(path, "wb") as file:
        file.write("raise ValueError('日本')\n".encode())
    environment = {"LC_ALL": "C", "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    if encoding == "utf-8":
        environment = {"PYTHONUTF8": "1"}
    line = [sys.executable, "-m", "codefeedback", "grade", os.fsdecode(path), "--tests", str(tests)]
    done = subprocess.run(line, capture_output=True, env={**os.environ, **environment})
    assert done.returncode == 1, done.stderr
    assert b"ValueError" in done.stdout and b"\x1b" not in done.stdout + done.stderr


def test_messages_that_nobody_can_read_change_nothing(solution: Path, tests: Path) -> None:
    with open("/dev/full", "wb") as full:
        for file, status in ((tests, 0), (Path("no-such-file"), 2)):
            process = command("grade", solution, "--tests", file, "--color", "never", stderr=full)
            process.communicate()
            assert process.returncode == status


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_our_failure(solution: Path, tests: Path, unbuffered: str) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "wb") as full:
        process = command("grade", solution, "--tests", tests, stdout=full, env=environment)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert err.decode().splitlines()[-1] == "codefeedback: error: No space left on device"


def test_no_signs_of_life_in_a_file(solution: Path, tests: Path) -> None:
    """FORCE_COLOR is for who reads colours, not for cursor movements."""
    with command(
        "grade", solution, "--tests", tests, env={**os.environ, "FORCE_COLOR": "1"}
    ) as process:
        out, err = process.communicate(timeout=60)
    assert b"\x1b" not in out + err


#: A solution, and what is said of it. None of them is a mistake of the command line.
SOLUTIONS = {
    "empty": (b"", "WA"),
    "bom": (b"\xef\xbb\xbf" + RIGHT.encode(), "AC"),
    "crlf": (RIGHT.replace("\n", "\r\n").encode(), "AC"),
    "cr": (RIGHT.replace("\n", "\r").encode(), "AC"),
    "nul": (b"x = 1\n\0\n", "CE"),
    "binary": (bytes(range(256)) * 10, "CE"),
    "utf-16": (RIGHT.encode("utf-16"), "CE"),
    "invalid-utf-8": (b"# \xff\n" + RIGHT.encode(), "CE"),
    "latin-1": ("# coding: latin-1\n# ä\n".encode("latin-1") + RIGHT.encode(), "AC"),
    "unknown-coding": (b"# coding: nope\n" + RIGHT.encode(), "CE"),
    "10-mb": (b"#" * (10 << 20) + b"\n" + RIGHT.encode(), "AC"),
    "10-mb-of-lines": (b"x = 1\n" * (1 << 20) + RIGHT.encode(), None),
    "parentheses": (b"(" * 10000, "CE"),
    "nested-lists": (b"x = " + b"[" * 500 + b"]" * 500, "CE"),
    "minus-signs": (b"x = " + b"-" * 100000 + b"1", None),
    "dedent-bomb": (b"".join(b" " * n + b"if 1:\n" for n in range(150)), "CE"),
    "one-line-of-1-mb": (b"x = '" + b"y" * (1 << 20) + b"'\n1/0\n", "RE"),
    "control-characters": (b"raise ValueError('\x1b[2J\x1b]0;x\x07')\n", "RE"),
    "no-final-newline": (RIGHT.rstrip().encode(), "AC"),
    "indented": (b"    x = 1\n", "CE"),
}


@pytest.mark.parametrize("name", SOLUTIONS)
def test_odd_solutions(name: str, tmp_path: Path, tests: Path) -> None:
    program, verdict = SOLUTIONS[name]
    path = tmp_path / "odd.py"
    path.write_bytes(program)
    status, out, err = run("grade", path, "--tests", tests)
    assert status in (0, 1), err
    assert "\x1b" not in out and len(out) < 20000
    if verdict is not None:
        assert out.startswith(f"odd.py: {verdict} ")


#: Command lines that are wrong, and a piece of the one message. {s}, {t} and {d} stand for a
#: solution, a tests file and a folder.
WRONG = [
    ([], "Usage"),
    (["nope"], "No such command"),
    (["grade"], "Missing argument"),
    (["grade", "{s}"], "--tests"),
    (["grade", "{s}", "--tests", "/no/such.json"], "/no/such.json: no such file"),
    (["grade", "/no/such.py", "--tests", "{t}"], "/no/such.py: cannot be read"),
    (["grade", "{d}", "--tests", "{t}"], "a folder; name the program's file"),
    (["grade", "{s}", "--tests", "{d}"], "{d}"),
    (["grade", "{s}", "--tests", "{s}"], "sum.py"),
    (["grade", "{s}", "--tests", "/dev/null"], "/dev/null"),
    (["grade", "{s}", "{s}", "--tests", "{t}"], "unexpected extra argument"),
    (["grade", "{s}", "--tests", "{t}", "--nope"], "--nope"),
    (["grade", "{s}", "--tests", "{t}", "--policy", "tokenz"], "did you mean tokens?"),
    (["grade", "{s}", "--tests", "{t}", "--policy", "floats:abs=x"], "expected a number"),
    (["grade", "{s}", "--tests", "{t}", "--tests-format", "nope"], "nope"),
    (["grade", "{s}", "--tests", "{t}", "--tests-format", "mbpp"], "test_list"),
    (["grade", "{s}", "--tests", "{t}", "--cpu-seconds", "0"], "expected a positive number"),
    (["grade", "{s}", "--tests", "{t}", "--cpu-seconds", "x"], "not a valid float"),
    (["grade", "{s}", "--tests", "{t}", "--wall-seconds", "nan"], "expected a positive number"),
    (["grade", "{s}", "--tests", "{t}", "--memory", "lots"], "not a size such as 256MB"),
    (["grade", "{s}", "--tests", "{t}", "--processes", "-1"], "expected a positive number"),
    (["grade", "{s}", "--tests", "{t}", "--python", "/bin/false"], "no Python interpreter"),
    (["grade", "{s}", "--tests", "{t}", "--format", "xml"], "xml"),
    (["grade", "{s}", "--tests", "{t}", "--problem", "nope"], "nope"),
    (["grade", "{s}", "--tests", "{t}", "--sandbox", "nope"], "nope"),
    (["evaluate", "{t}"], "--problems"),
    (["evaluate", "{t}", "--problems", "{t}"], "--out"),
    (["evaluate", "/no", "--problems", "{t}", "--out", "{d}/o"], "/no"),
    (["evaluate", "{s}", "--problems", "{t}", "--out", "{d}/o"], "sum.py:1"),
    (["evaluate", "{t}", "--problems", "{t}", "--out", "{d}/o"], "tests.json:1"),
    (["evaluate", "{t}", "--problems", "{t}", "--out", "{t}"], "is an input"),
    (["evaluate", "{t}", "--problems", "{t}", "--out", "{d}/o", "--k", "0"], "positive numbers"),
    (["evaluate", "{t}", "--problems", "{t}", "--out", "{d}/o", "--workers", "0"], "--workers"),
    (["convert", "/no/such.json"], "/no/such.json: no such file"),
    (["convert", "{t}", "-o", "{t}"], "is the input"),
    (["convert", "{t}", "-o", "/no/such/folder/o"], "cannot be written"),
    (["convert", "{s}"], "sum.py"),
]


@pytest.mark.parametrize(("line", "message"), WRONG, ids=lambda item: " ".join(item)[:60])
def test_wrong_command_lines(
    line: list[str], message: str, tmp_path: Path, tests: Path, solution: Path
) -> None:
    places = {"s": str(solution), "t": str(tests), "d": str(tmp_path / "folder")}
    (tmp_path / "folder").mkdir()
    status, out, err = run(*(part.format(**places) for part in line))
    assert (status, out) == (2, "")
    assert message.format(**places) in err
    errors = [part for part in err.splitlines() if part.startswith("codefeedback: error: ")]
    assert len(errors) == (1 if line else 0)


def test_a_failure_of_ours_is_status_3(tmp_path: Path, tests: Path) -> None:
    killer = tmp_path / "killer.py"
    killer.write_text("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n")
    status, out, err = run("grade", killer, "--tests", tests, *PORTABLE)
    assert (status, out) == (3, "")
    assert "error:" in err and "it has no verdict" in err


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves_is_no_error(solution: Path, tests: Path, unbuffered: str) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    process = command("grade", solution, "--tests", tests, env=environment)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.wait(timeout=60)
    process.stderr.close()
    assert process.stdin is not None
    process.stdin.close()
    assert b"Traceback" not in err and b"Exception" not in err
    assert process.returncode == 141


@pytest.mark.parametrize(("how", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_polite_end_leaves_nothing(
    how: signal.Signals, status: int, tmp_path: Path, tests: Path
) -> None:
    sleeper = tmp_path / "sleeper.py"
    marker = tmp_path / "marker"
    sleeper.write_text(
        "import os, time\n"
        f"with open({str(marker) + '.part'!r}, 'w') as file: file.write(os.environ['HOME'])\n"
        f"os.rename({str(marker) + '.part'!r}, {str(marker)!r})\ntime.sleep(60)\n"
    )
    with command("grade", sleeper, "--tests", tests, "--wall-seconds", "50", *PORTABLE) as process:
        give_up = time.monotonic() + 30
        while not marker.exists() and time.monotonic() < give_up:
            time.sleep(0.05)
        process.send_signal(how)
        _, err = process.communicate(timeout=30)
    assert process.returncode == status
    assert b"Traceback" not in err
    home = marker.read_text()
    assert not Path(home).exists()
    environs = Path("/proc").glob("[0-9]*/environ")
    assert not [p for p in environs if marked(p, f"HOME={home}".encode())]


def marked(environ: Path, mark: bytes) -> bool:
    try:
        return mark in environ.read_bytes()
    except OSError:
        return False


def test_convert_writes_the_native_form(tmp_path: Path) -> None:
    apps = tmp_path / "input_output.json"
    apps.write_text(json.dumps({"inputs": ["1 2"], "outputs": ["3"]}))
    status, out, err = run("convert", apps)
    assert (status, err) == (0, "")
    assert json.loads(out)["cases"] == [{"name": "case 1", "stdin": "1 2", "expected_stdout": "3"}]
    target = tmp_path / "native.json"
    assert run("convert", apps, "-o", target)[0] == 0
    assert target.read_text() == out


def test_convert_of_many_problems_is_one_a_line(tmp_path: Path) -> None:
    rows = [{"task_id": n, "test_list": [f"assert f() == {n}"]} for n in range(3)]
    path = tmp_path / "mbpp.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    status, out, _ = run("convert", path)
    assert status == 0
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["0", "1", "2"]


def test_version() -> None:
    assert run("--version")[1].startswith("codefeedback, version 0.")


ANSWER = "Sure:\n\n```python\na, b = map(int, input().split())\nprint(a - b)\n```\nDone.\n"


def test_an_answer_with_a_program_in_it(tmp_path: Path, tests: Path) -> None:
    answer = tmp_path / "answer.md"
    answer.write_text(ANSWER)
    options = ("--extract", "last-fence", "--blame", "ochiai", "--coverage", "--analysis", "always")
    status, out, err = run("grade", answer, "--tests", tests, *options)
    assert (status, err) == (1, "")
    assert "answer.md: WA" in out and "last-fence: " in out
    assert "NoSuspect: no case passed" in out and "found by comparing cases" in out
    assert "2 lines of 2 ran" in out
    status, out, _ = run("grade", answer, "--tests", tests, *options, "--format", "json")
    data = json.loads(out)
    assert (status, data["extraction"]["found"], data["coverage"]["lines"]) == (1, "fence", [1, 2])
    ((start, end),) = data["findings"][0]["completion_spans"]
    assert ANSWER[start:end] == "a, b = map(int, input().split())\nprint(a - b)\n"


def test_an_answer_without_a_program(tmp_path: Path, tests: Path) -> None:
    answer = tmp_path / "answer.md"
    answer.write_text("<think>What may a sum be?")
    status, out, _ = run("grade", answer, "--tests", tests, "--extract", "last-fence")
    assert status == 1
    assert "answer.md: CE" in out and "NoProgram" in out


def test_a_truncated_program(tmp_path: Path, tests: Path) -> None:
    program = tmp_path / "cut.py"
    program.write_text("a, b = map(int, input(")
    status, out, _ = run("grade", program, "--tests", tests, "--truncated")
    assert status == 1 and "U_global" in out and "the whole program" in out
    _, out, _ = run("grade", program, "--tests", tests)
    assert "U_line" in out


def test_callers_and_granularity(tmp_path: Path, tests: Path) -> None:
    program = tmp_path / "calls.py"
    program.write_text("def f(x):\n    return [\n        x[5],\n    ]\n\n\nf(input())\n")
    _, out, _ = run("grade", program, "--tests", tests, "--granularity", "statement")
    assert "lines 2-4; U_line" in out and "called from line 7" in out
    status, _, err = run("grade", program, "--tests", tests, "--granularity", "word")
    assert status == 2 and "expression" in err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--extract", "longest"), "last-fence"),
        (("--blame", "me"), "ochiai"),
        (("--analysis", "sometimes"), "failing"),
    ],
)
def test_settings_that_there_are_not(
    solution: Path, tests: Path, options: tuple[str, ...], named: str
) -> None:
    status, _, err = run("grade", solution, "--tests", tests, *options)
    assert status == 2 and options[1] in err and named in err
