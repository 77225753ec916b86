"""Which places count as never run: the text that a mask hides."""

from __future__ import annotations

import sys

import pytest

import codefeedback as cf

NESTED = """\
for i in range(2):
    if i > 5:
        while i:
            i -= 1
    else:
        i = 3
"""
HANDLERS = """\
try:
    x = 1
except ValueError:
    x = 2
except (KeyError,
        TypeError):
    x = 3
else:
    x = 4
finally:
    x = 5
"""

#: program -> the text of the places that never ran, with standard input "1"
CASES: dict[str, tuple[str, list[str]]] = {
    "a branch": (
        "x = int(input())\nif x:\n    print(1)\nelse:\n    # no\n    print(2)\n    print(3)\n",
        ["else:\n    # no\n    print(2)\n    print(3)\n"],
    ),
    "the rest of a suite": (
        "def f(x):\n    if x:\n        return 1\n    y = 2  # why\n\n    return y\nf(1)\n",
        ["    y = 2  # why\n\n    return y\n"],
    ),
    "a function that nobody calls": (
        'def f(x):\n    """Doc."""\n    return (1 +\n            2)\nprint(1)\n',
        ['    """Doc."""\n    return (1 +\n            2)\n'],
    ),
    "a docstring of a function that runs": ('def f(x):\n    """Doc."""\n    return 1\nf(2)\n', []),
    "nested": (NESTED, ["        while i:\n            i -= 1\n"]),
    "handlers": (
        HANDLERS,
        ["except ValueError:\n    x = 2\nexcept (KeyError,\n        TypeError):\n    x = 3\n"],
    ),
    "on the line of a header": ("x = 0\nif x: y = 1\nprint(x)\n", []),
    "behind an exception": (
        "x = [1,\n     2]\nx.y\nprint(x)\nprint(2)",
        ["print(x)\nprint(2)"],
    ),
    "a loop that is left": (
        "while True:\n    break\n    x = 1\nx = 2\n",
        ["    x = 1\n"],
    ),
    "CRLF": (
        "x = 0\r\nif x:\r\n    y = 1\r\n    z = 2\r\nx = 2\r\n",
        ["    y = 1\r\n    z = 2\r\n"],
    ),
    "nothing": ("# only\n", []),
    "a global statement": (
        "def f():\n    global g\n    g = 1\ndef h():\n    global g\n    g = 1\nf()\n",
        ["    global g\n    g = 1\n"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_never_ran(name: str) -> None:
    program, expected = CASES[name]
    problem = {"cases": [{"stdin": "1", "expected_stdout": ""}]}
    report = cf.grade(program, problem, coverage=True)
    assert report.coverage is not None
    texts = [program[span.start : span.end] for span in report.coverage.missed]
    assert texts == expected
    mask = report.executed_mask([(at, at + 1) for at in range(len(program))])
    assert [at for at, flag in enumerate(mask) if not flag] == [
        at for span in report.coverage.missed for at in range(span.start, span.end)
    ]


def test_each_case_has_its_lines_and_the_mask_knows_all_cases() -> None:
    program = "x = int(input())\nif x:\n    print(1)\nelse:\n    print(2)\n"
    problem = {
        "cases": [{"stdin": "1", "expected_stdout": "1"}, {"stdin": "0", "expected_stdout": "2"}]
    }
    report = cf.grade(program, problem, coverage=True)
    assert [case.lines for case in report.cases] == [(1, 2, 3), (1, 2, 5)]
    assert report.coverage == cf.Coverage(lines=(1, 2, 3, 5), missed=(), complete=True)
    assert cf.Report.from_dict(report.to_dict()) == report
    plain = cf.grade(program, problem)
    assert plain.coverage is None and plain.cases[0].lines is None
    with pytest.raises(cf.UsageError, match="coverage=True"):
        plain.executed_mask([(0, 1)])


def test_a_program_that_does_not_compile_is_not_masked() -> None:
    problem = {"cases": [{"stdin": "", "expected_stdout": ""}]}
    report = cf.grade("x = (\n", problem, coverage=True)
    assert report.coverage == cf.Coverage(lines=(), missed=(), complete=True)
    assert report.executed_mask([(0, 3), None, (3, 5)]) == [1, 1, 1]


def test_coverage_changes_no_verdict() -> None:
    """It is another run: one that tracing makes too slow is still accepted."""
    program = "x = 0\nfor i in range(300000):\n    x += i\nprint(x)\n"
    problem = {"cases": [{"stdin": "", "expected_stdout": "44999850000"}]}
    report = cf.grade(program, problem, coverage=True, limits={"cpu_seconds": 0.2})
    assert report.verdict is cf.Verdict.AC
    assert report.coverage is not None and {1, 2, 3} <= set(report.coverage.lines)


WATCHED = """\
import sys
def watched():
    return sys.gettrace() or hasattr(sys, "monitoring") and sys.monitoring.get_tool(4)
"""
INCOMPLETE = {
    "the watch is ended": "import sys\nsys.settrace(None)\nif 0:\n    x = 1\nprint(0)\n",
    "the marks are lost": """\
import os
for fd in range(3, 99):
    try:
        os.ftruncate(fd, 0)
    except OSError:
        pass
print(0)
""",
    "the second run ends in another way": WATCHED + "if watched(): sys.exit(3)\nprint(0)\n",
    "the second run does not end": WATCHED + "while watched(): pass\nprint(0)\n",
    "the watch is interrupted": """\
import sys
trace = sys.gettrace()
sys.settrace(None)
x = 1
sys.settrace(trace)
print(0)
""",
    "a thread that nobody watches": """\
import _thread
done = _thread.allocate_lock()
done.acquire()
def f():
    x = 1
    done.release()
_thread.start_new_thread(f, ())
done.acquire()
print(0)
""",
    "a frame that is not traced": """\
import sys
def f():
    sys._getframe().f_trace = None
    x = 1
    return x
f()
print(0)
""",
    "the watch falls with the stack": """\
def f(n):
    return f(n + 1)
try:
    f(0)
except RecursionError:
    print(0)
""",
}


ALWAYS_LOST = (
    "the marks are lost",
    "the second run ends in another way",
    "the second run does not end",
)


@pytest.mark.parametrize("name", INCOMPLETE)
def test_what_was_not_seen_is_not_masked(name: str) -> None:
    program = INCOMPLETE[name]
    report = cf.grade(program, {"cases": [{"stdin": "", "expected_stdout": "0"}]}, coverage=True)
    assert report.verdict is cf.Verdict.AC and report.coverage is not None
    if report.coverage.complete:  # from CPython 3.12 on none of these can stop it
        assert sys.version_info >= (3, 12) and name not in ALWAYS_LOST
        lines = set(report.coverage.lines)
        assert lines.isdisjoint(
            line for span in report.coverage.missed
            for line in range(span.start_line, span.end_line)
        )  # fmt: skip
    else:
        assert report.coverage.missed == ()
        assert report.executed_mask([(0, len(program))]) == [1]


def test_a_slow_second_run_gets_its_time() -> None:
    program = (
        "def solve(n):\n    s = 0\n    for i in range(n):\n        s += i & 1\n        s ^= 1\n"
        "    return 0 * s\n\n\nprint(solve(1000000))\n"
    )
    problem = {"cases": [{"stdin": "", "expected_stdout": "0"}]}
    report = cf.grade(program, problem, coverage=True, limits={"cpu_seconds": 0.4})
    assert report.verdict is cf.Verdict.AC
    assert report.coverage == cf.Coverage(lines=(1, 2, 3, 4, 5, 6, 9), missed=(), complete=True)
