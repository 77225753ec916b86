"""Tests that need no process of their own come to what they would have come to in one."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from codefeedback import CheckCase, Limits, LocalSandbox, Source
from codefeedback.checking.judging import judge
from codefeedback.checking.policies import policy
from codefeedback.sandbox.asserts import asserted
from codefeedback.sandbox.interface import Check, Execution
from codefeedback.sandbox.probe import offer_of

LIMITS = Limits(cpu_seconds=0.3, wall_seconds=1)
HUMAN_EVAL = (
    "METADATA = {'author': 'x'}\n\ndef check(candidate):\n"
    "    assert candidate(1) == 2, 'first'\n    assert candidate(2) == 4\n    assert True, 'late'\n"
)
SETUP = "from typing import List\nimport math\n\ndef f(n: int) -> int:\n    '''Doubles.'''\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[LocalSandbox]:
    if offer_of(sys.executable).seccomp is None:
        pytest.skip("the local sandbox does not work here")
    with LocalSandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("test", "entry_point", "plain"),
    [
        ("assert f(1) == 2", None, True),
        ("assert f(1, x=[2]) == {'a': (1, None)}\nassert not f(2)", None, True),
        ("assert abs(f(1) - 2.5) < 1e-6", None, True),
        ("assert f(1) is None, 'why'", None, True),
        ("assert 3 >= f(-1)", None, True),
        (HUMAN_EVAL, "f", True),
        ("assert f(1) == 2", "f", True),
        ("assert g(1) == 2", "f", False),
        ("f = abs\nassert f(1) == 1", "f", False),
        ("assert f(1) is 257", None, False),
        ("assert f(g(1)) == 2", None, False),
        ("assert len(f(1)) == 2", None, False),
        ("assert sorted(f(1)) == [2]", None, False),
        ("x = f(1)\nassert x == 2", None, False),
        ("for n in (1, 2):\n    assert f(n) == n", None, False),
        ("f = abs\nassert f(1) == 1", None, False),
        ("from math import f\nassert f(1) == 1", None, False),
        ("assert f(1) == 2 == 2", None, False),
        ("assert f(*[1]) == 2", None, False),
        ("assert f(1) == 2, print('x')", None, False),
        ("assert helper(1) == 2", None, False),
        ("def check(candidate, more):\n    assert candidate(1) == 2", "f", False),
        ("def check(candidate):\n    candidate = abs\n    assert candidate(1) == 1", "f", False),
        ("def check(candidate):\n    assert f(1) == 2", "f", False),
        ("assert f(x=1, x=1) == 2", None, False),
        ("from collections import Mapping\nassert f(1) == 2", None, False),
        ("assert f(...) == 2", None, False),
        ("assert (\n    f(1) == 2)", None, False),
        ("abs = 3\nassert abs(f(1) - 2) < 3", None, False),
        ("def check(abs):\n    assert abs(abs(1) - 2) == 1", "f", False),
        ("def check(candidate):\n    assert abs(candidate(1) - 2) == 1", "abs", False),
        ("def check(candidate: Nope):\n    assert candidate(1) == 2", "f", False),
        ("def check(candidate):\n    assert candidate(1) == 2\ncheck = 3", "f", False),
        ("print('x')", None, False),
        ("assert (", None, False),
    ],
)
def test_what_is_plain(test: str, entry_point: str | None, plain: bool) -> None:
    setup = "def helper(n):\n    return n\n"
    command = Check(program=Source(""), test=test, setup=setup, entry_point=entry_point)
    assert bool(asserted(command)) is plain


PROGRAMS = {
    "right": "def f(n): return 2 * n\n",
    "wrong": "def f(n): return n\n",
    "wrong late": "def f(n): return 2\n",
    "raises": "def f(n):\n    return 1 / (n - 1)\n",
    "raises late": "def f(n):\n    if n == 2: raise ValueError('no')\n    return 2 * n\n",
    "raises after a wrong answer": "def f(n):\n    if n == 2: raise ValueError\n    return 0\n",
    "hangs after a wrong answer": "def f(n):\n    while n == 2: pass\n    return 0\n",
    "hangs": "def f(n):\n    while True: pass\n",
    "exits": "def f(n):\n    raise SystemExit(0)\n",
    "leaves": "import os\ndef f(n):\n    os._exit(0)\n",
    "stops": "def f(n):\n    raise StopIteration\n",
    "asserts": "def f(n):\n    assert n == 1\n    return 2\n",
    "bool": "def f(n): return n == 2\n",
    "float": "def f(n): return 2.0 * n\n",
    "nan": "def f(n): return float('nan')\n",
    "none": "def f(n): pass\n",
    "text": "def f(n): return str(2 * n)\n",
    "subclass": "class I(int): pass\ndef f(n): return I(2 * n)\n",
    "liar": "class L:\n    def __eq__(self, other): return True\ndef f(n): return L()\n",
    "generator": "def f(n): yield 2 * n\n",
    "missing": "def g(n): return 2 * n\n",
    "solution": "class Solution:\n    def f(self, n): return 2 * n\n",
    "state": "seen = []\ndef f(n):\n    seen.append(n)\n    return 2 * len(seen)\n",
    "broken": "def f(n) return 2 * n\n",
    "fails at the top": "import nothing\n",
    "prints": "def f(n):\n    print('noise' * 1000)\n    return 2 * n\n",
    "recursion": "def f(n): return f(n)\n",
    "deep": "def g(k): return k and g(k - 1)\ndef f(n): return 2 * n + g(3000 * (n - 1))\n",
    "deeper": "import sys\nsys.setrecursionlimit(10 ** 5)\n"
    "def g(k): return k and g(k - 1)\ndef f(n): return 2 * n + g(12000 * (n - 1))\n",
    "solution with state": "class Solution:\n    def __init__(self): self.n = 0\n"
    "    def f(self, n):\n        self.n += 1\n        return 2 * self.n\n",
    "replaces itself": "def f(n):\n    global f\n    f = lambda n: 9\n    return 2 * n\n",
    "no function": "f = 5\n",
    "takes more": "def f(n, m): return 2 * n\n",
    "group": "def f(n): raise ExceptionGroup('g', [ValueError(1)])\n",
}
TESTS = {
    "mbpp": ("assert f(1) == 2\nassert f(2) == 4, 'second'\n", "", None),
    "human eval": (HUMAN_EVAL, SETUP, "f"),
    "by its own name": ("assert f(1) == 2\nassert f(2) == 4, 'second'\n", SETUP, "f"),
    "near": ("assert abs(f(1) - 2.0) < 1e-6\nassert abs(f(2) - 4) <= 0\n", "", None),
    "truth": ("assert f(1)\nassert not f(2)\n", "", None),
    "order": ("assert f(1) < 3\nassert 4 <= f(2)\nassert f(2) is not None\n", "", None),
}


def summary(command: Check, run: Execution) -> tuple[object, ...]:
    case = CheckCase(name="c", test=command.test, setup=command.setup)
    trace = run.trace and (run.trace.type_name, run.trace.deepest and run.trace.deepest.line)
    failed = run.test_trace and (
        *(run.test_trace.type_name, run.test_trace.message, run.test_trace.bases),
        *((frame.function, frame.line) for frame in run.test_trace.frames),
    )
    return (*judge(case, run, policy("strict")), trace, failed, run.missing, run.split)


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_shortcut_tells_what_the_test_tells(
    sandbox: LocalSandbox, program: str, test: str
) -> None:
    text, setup, entry_point = TESTS[test]
    source = Source(PROGRAMS[program])
    command = Check(program=source, test=text, setup=setup, entry_point=entry_point)
    assert asserted(command)
    # `_run` knows nothing of the shortcut.
    alone, whole = sandbox.run(command, LIMITS), sandbox._run(command, LIMITS)
    assert summary(command, alone) == summary(command, whole)
    in_turn = list(sandbox.run_all([command] * 2, LIMITS))
    assert [summary(command, run) for run in in_turn] == [summary(command, whole)] * 2
