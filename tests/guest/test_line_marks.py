"""Marks of lines, without a sandbox around it: each program is watched in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from codefeedback.guest.coverage import marks_bytes

GUEST = Path(__file__).parents[2] / "codefeedback"
HARNESS = """
import json, os, sys, tempfile
sys.path.insert(0, sys.argv[1])
from guest import coverage
text, then, lines, loads = json.loads(sys.argv[2])
file = tempfile.TemporaryFile()
os.ftruncate(file.fileno(), coverage.marks_bytes(lines))
code = compile(text, "solution.py", "exec")
scope = {"__name__": "solution"}
watch = coverage.watch(code, file.fileno(), lines, loads)
exec(code, scope)
if loads:
    watch.loaded()
    exec(then, scope)
sys.settrace(None)
marks = file.read()
print(json.dumps([[n for n in range(lines + 1) if marks[at + n]] for at in (0, lines + 1)]))
"""


def watched(
    text: str, then: str = "", lines: int | None = None, loads: bool = True
) -> tuple[list[int], list[int]]:
    """The marks of both regions, zeros (the sign that it worked) included."""
    about = json.dumps([text, then, text.count("\n") if lines is None else lines, loads])
    command = [sys.executable, "-c", HARNESS, str(GUEST), about]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ran, loaded = json.loads(done.stdout)
    return ran, loaded


def test_without_loading_there_is_one_region() -> None:
    assert watched("x = 1\ny = 2\n", loads=False) == ([0, 1, 2], [])


def test_what_runs_later_is_marked_again() -> None:
    text = "def f(n):\n    if n:\n        return 1\n    return 2\nf(0)\n"
    assert watched(text) == ([0], [1, 2, 4, 5])
    assert watched(text, "f(1)") == ([0, 2, 3], [1, 2, 4, 5])
    assert watched(text, "f(0); f(1)") == ([0, 2, 3, 4], [1, 2, 4, 5])


def test_a_frame_that_lives_on_is_watched_on() -> None:
    text = "def g():\n    for n in (1, 2):\n        yield n\n    yield 3\nit = g()\nnext(it)\n"
    assert watched(text, "next(it)") == ([0, 2, 3], [1, 2, 3, 5, 6])
    assert watched(text, "list(it)") == ([0, 2, 3, 4], [1, 2, 3, 5, 6])


def test_lines_beyond_those_announced_are_left_out() -> None:
    text = "x = 1\ny = 2\nz = 3\ndef f():\n    return 1\n"
    assert watched(text, "f()", lines=2) == ([0], [1, 2])
    assert watched(text, "f()", lines=0) == ([0], [])


def test_equal_code_of_another_text_is_not_the_programs() -> None:
    text = "def f():\n    if 0 > n:\n        return 1\n    return 2\nn = -1\nf()\n"
    again = f"n = 1\nexec(compile({text[: text.index('n = -1')]!r} + 'f()', 'solution.py', 'exec'))"
    assert watched(text, again) == ([0], [1, 2, 3, 5, 6])


@pytest.mark.parametrize("fd", [-1, 250])
def test_where_there_is_no_memory_to_mark_nothing_happens(fd: int) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(GUEST)!r}); from guest import coverage\n"
        f"assert coverage.watch(compile('x = 1', 'x', 'exec'), {fd}, 1, True) is None\n"
        "assert sys.gettrace() is None\n"
    )
    if fd < 0:
        program = program.replace("-1, 1, True", "0, 1 << 40, True")  # more than stdin has
    done = subprocess.run(
        [sys.executable, "-c", program], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_a_file_of_marks_has_two_regions() -> None:
    assert [marks_bytes(lines) for lines in (0, 1, 100)] == [2, 4, 202]
