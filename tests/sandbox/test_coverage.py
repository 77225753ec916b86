"""Which lines of a program ran, in every sandbox and on every CPython that is installed here.

In the programs a line that ends with ``# +`` ran; in what is imported and called, ``# L`` stands
for a line that ran while it was loaded, ``# C`` for one that ran afterwards, ``# LC`` for both.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import pytest
from pythons import THIS, VERSIONS, interpreter

from codefeedback import Limits, LocalSandbox, PortableSandbox, Source
from codefeedback.errors import SandboxUnavailableError
from codefeedback.guest.coverage import marks_bytes
from codefeedback.sandbox import executions
from codefeedback.sandbox.interface import (
    Call,
    Calls,
    Check,
    Command,
    Execution,
    Limit,
    Sandbox,
    Script,
    Stage,
)

LIMITS = Limits(cpu_seconds=2, wall_seconds=4, memory_bytes=256 << 20)
TIERS = ("namespaces", "standard", "portable")

# Each must have the same lines on every CPython.
PROGRAMS = {
    "branches": """\
x = 1  # +
if x == 2:  # +
    y = 1
elif x == 1:  # +
    y = 2  # +
else:
    y = 3
""",
    "generator": """\
def numbers():  # +
    yield 1  # +
    yield 2  # +
    yield 3
them = numbers()  # +
next(them)  # +
next(them)  # +
""",
    "comprehensions": """\
a = [  # +
    n  # +
    for n in range(3)  # +
    if n > 1  # +
]
b = {n: 1 for n in ()}  # +
c = (  # +
    -n
    for n in ()  # +
)
list(c)  # +
""",
    "one line each": """\
f = lambda: g()  # +
def g(): return h(1)  # +
def h(n): n += 1; return n  # +
f()  # +
""",
    "decorators and defaults": """\
def plain(f):  # +
    return f  # +
@plain  # +
@plain  # +
def f():  # +
    return 1
def g(  # +
    n=len('a'),  # +
):
    return n  # +
g()  # +
""",
    "first line comes last": """\
def f(a,  # +
      b=len('a')):  # +
    return (  # +
        a + b)  # +
def g(): return (  # +
    1 +  # +
    f(1))  # +
g()  # +
def h(): return h2(  # +
    1, f(  # +
        1))  # +
def h2(*n): return [  # +
    m  # +
    for m in n]  # +
h()  # +
""",
    "class body": """\
class C:  # +
    x = 1  # +
    def m(self):  # +
        return self.x  # +
    def n(self):  # +
        return 2
C().m()  # +
""",
    "statement over several lines": """\
x = (1 +  # +
     # nothing
     len('a') +  # +
     len('b'))  # +
y = [  # +
    1,  # +
    x,  # +
]
""",
    "async": """\
import asyncio  # +
async def a():  # +
    await asyncio.sleep(0)  # +
    return 1  # +
async def b():  # +
    yield await a()  # +
async def main():  # +
    async for x in b():  # +
        x += 1  # +
asyncio.run(main())  # +
""",
    "threads": """\
import threading  # +
def work():  # +
    x = 1  # +
    return x  # +
thread = threading.Thread(target=work)  # +
thread.start()  # +
thread.join()  # +
""",
    "text of the same name": """\
text = '\\n\\n\\n\\n\\n\\nx = 1\\n'  # +
exec(compile(text, 'solution.py', 'exec'))  # +
def f():  # +
    if text:  # +
        return  # +
    text.strip()
    text.split()
f()  # +
""",
    "recursion": """\
def f(n):  # +
    if n:  # +
        return f(n - 1)  # +
    return 0  # +
f(500)  # +
""",
    "exceptions": """\
def f():  # +
    raise ValueError  # +
    x = 1
try:  # +
    f()  # +
except KeyError:  # +
    y = 1
except ValueError:  # +
    y = 2  # +
finally:
    z = 1  # +
raise TypeError  # +
w = 1
""",
    "leaves at once": "import os  # +\nx = 1  # +\nos._exit(3)  # +\ny = 1\n",
    "is killed": "import os  # +\nos.kill(os.getpid(), 9)  # +\ny = 1\n",
    "crashes": "import ctypes  # +\nctypes.string_at(0)  # +\ny = 1\n",
    "in a forked process": """\
import os  # +
if os.fork() == 0:  # +
    x = 1  # +
    os._exit(0)  # +
os.wait()  # +
""",
    "closes what it can": "import os  # +\nos.closerange(3, 256)  # +\nx = 1  # +\n",
    "odd line ends": "x = 1  # +\r\n\x0cy = '\u2028'  # +\rif x > 1:  # +\r\n    z = 1\nw = 1  # +",
}


@lru_cache
def sandbox_of(tier: str, version: str) -> Sandbox | str:
    """The sandbox, or why there is none."""
    python = interpreter(version)
    if python is None:
        return f"no CPython {version}"
    if tier == "portable":
        return PortableSandbox(python=python)
    try:
        sandbox = LocalSandbox(python=python, namespaces=tier == "namespaces")
    except SandboxUnavailableError as error:
        return str(error)
    return sandbox if sandbox.tier == tier else f"no {tier} here"


@pytest.fixture(scope="module", autouse=True)
def closing() -> Iterator[None]:
    yield
    for tier in TIERS:
        for version in VERSIONS:
            sandbox = sandbox_of(tier, version)
            if isinstance(sandbox, Sandbox):
                sandbox.close()
    sandbox_of.cache_clear()


def usable(tier: str, version: str) -> Sandbox:
    sandbox = sandbox_of(tier, version)
    if isinstance(sandbox, str):
        pytest.skip(sandbox)
    return sandbox


@pytest.fixture(params=TIERS)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return usable(request.param, THIS)


@pytest.fixture(params=VERSIONS)
def any_version(request: pytest.FixtureRequest) -> Sandbox:
    for tier in TIERS:
        if isinstance(sandbox_of(tier, request.param), Sandbox):
            return usable(tier, request.param)
    return usable(TIERS[-1], request.param)


def marked(text: str, mark: str) -> tuple[int, ...]:
    source = Source(text)
    return tuple(
        line
        for line in range(1, source.line_count + 1)
        if mark in source.line_text(line).rpartition("# ")[2].split(" ")[0]
        and "# " in source.line_text(line)
    )


def script(text: str, **settings: bool) -> Script:
    return Script(program=Source(text), coverage=True, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PROGRAMS)
def test_lines_of_scripts(any_version: Sandbox, name: str) -> None:
    run = any_version.run(script(PROGRAMS[name]), LIMITS)
    plain = any_version.run(Script(program=Source(PROGRAMS[name])), LIMITS)
    ours, theirs = (
        (each.stage, each.exit_code, each.signal, each.limit_hit, each.stdout, each.trace)
        for each in (run, plain)
    )
    assert ours == theirs
    assert run.lines == marked(PROGRAMS[name], "+")
    assert run.load_lines == ()
    assert plain.lines is plain.load_lines is None


CALLED = """\
import functools  # L
def helper(n): return n + 1  # LC
def unused():  # L
    return 1
@functools.lru_cache(None)  # L
def f(n):  # L
    if n > 5:  # LC
        return helper(n)  # C
    m = n + 1  # L
    return m  # L
class Solution:  # L
    def solve(self, n):  # L
        return f(n)  # C
x = f(1)  # L
"""


def test_lines_of_calls(any_version: Sandbox) -> None:
    program, expected = Source(CALLED), (marked(CALLED, "C"), marked(CALLED, "L"))
    call = Call(program=program, entry_point="Solution.solve", args=(7,), coverage=True)
    test = "def check(f):\n    x = f(7)\n    assert x == 8\n"
    calls: list[Command] = [
        call,
        Calls(program=program, calls=(("solve", (7,), {}),), quick_seconds=1, coverage=True),
        Check(program=program, test="x = solve(7)\nassert x == 8", coverage=True),
        Check(program=program, test="assert solve(7) == 8", coverage=True),
        Check(program=program, test=test, entry_point="solve", split=False, coverage=True),
        Check(program=program, test="assert Solution().solve(7) == 8", split=False, coverage=True),
    ]
    for command in calls:
        run = any_version.run(command, LIMITS)
        assert (run.lines, run.load_lines) == expected, command
    together = list(any_version.run_all([call, call, calls[2]], LIMITS))
    assert [(run.lines, run.load_lines) for run in together] == [expected] * 3


@pytest.mark.parametrize("name", ["branches", "generator", "threads", "exceptions", "is killed"])
def test_every_tier_tells_the_same(sandbox: Sandbox, name: str) -> None:
    run = sandbox.run(script(PROGRAMS[name]), LIMITS)
    assert run.lines == marked(PROGRAMS[name], "+")


def test_calls_in_every_tier(sandbox: Sandbox) -> None:
    command = Call(program=Source(CALLED), entry_point="solve", args=(7,), coverage=True)
    for run in sandbox.run_all([command] * 3, LIMITS):
        assert (run.lines, run.load_lines) == (marked(CALLED, "C"), marked(CALLED, "L"))


def test_only_who_asks_is_told(sandbox: Sandbox) -> None:
    text = "import os\nfound = []\nfor fd in range(256):\n    try:\n        os.fstat(fd)\n"
    text += "        found.append(fd)\n    except OSError:\n        pass\nprint(found)\n"
    plain = Script(program=Source(text))
    runs = list(sandbox.run_all([plain, script(text), plain], LIMITS))
    assert [run.lines is None for run in runs] == [True, False, True]
    assert [run.stdout for run in runs][::2] == [b"[0, 1, 2, 3]\n"] * 2
    assert sandbox.run(plain, LIMITS).stdout == b"[0, 1, 2, 3]\n"


def test_no_process_is_used_again_for_it(sandbox: Sandbox) -> None:
    runs = sandbox.run_all([script("print(1)  # +"), script("print(1)  # +")], LIMITS, reuse=True)
    assert [(run.lines, run.reused) for run in runs] == [((1,), False)] * 2


def test_what_never_ran(sandbox: Sandbox) -> None:
    broken = sandbox.run(script("x = ("), LIMITS)
    assert (broken.stage, broken.lines, broken.load_lines) == (Stage.COMPILE, None, None)
    fails = Call(program=Source("x = 1\n1 / 0\ny = 1"), entry_point="f", coverage=True)
    run = sandbox.run(fails, LIMITS)
    assert (run.lines, run.load_lines) == ((), (1, 2))
    check = Check(program=fails.program, test="x = f()\nassert x", coverage=True)
    assert sandbox.run(check, LIMITS).load_lines == (1, 2)


def test_marks_survive_every_limit(any_version: Sandbox) -> None:
    def run(text: str, **limits: float) -> Execution:
        return any_version.run(script(text), LIMITS.override({"cpu_seconds": 0.3, **limits}))

    spins = run("x = 1\nwhile x > 0:\n    x += 1\ny = 1\n")
    assert spins.limit_hit is Limit.CPU and {1, 3} <= set(spins.lines or ()) <= {1, 2, 3}
    sleeps = run("import time\ntime.sleep(9)\ny = 1\n", wall_seconds=0.3)
    assert (sleeps.limit_hit, sleeps.lines) == (Limit.WALL, (1, 2))
    writes = run("import sys\nsys.stdout.write('x' * 5000)\n", output_bytes=1000)
    assert (writes.limit_hit, writes.lines) == (Limit.OUTPUT, (1, 2))
    grows = run("x = 1\ny = b'x' * (3 << 30)\nz = 1\n")
    assert grows.lines == (1, 2)


def test_a_program_of_many_lines(any_version: Sandbox) -> None:
    text = "x = 1\n" + "def f():\n    return 1\n" * 500 + "#\n" * 100_000 + "f()\n"
    run = any_version.run(script(text), LIMITS)
    assert run.lines == (1, *range(2, 1002, 2), 1001, 101_002)


TRACES_ITSELF = """\
import sys
seen = []
def trace(frame, event, arg):
    seen.append(event)
    return trace
def f():
    return 1
sys.settrace(trace)
f()
sys.settrace(None)
f()
assert seen
print('end')
"""
MONITORS_ITSELF = """\
import sys
m = sys.monitoring
seen = []
def told(code, line):
    seen.append(line)
    return m.DISABLE
m.use_tool_id(m.COVERAGE_ID, 'own')
m.register_callback(m.COVERAGE_ID, m.events.LINE, told)
m.set_events(m.COVERAGE_ID, m.events.LINE)
x = 1
m.restart_events()
m.set_events(m.COVERAGE_ID, 0)
m.free_tool_id(m.COVERAGE_ID)
print(sorted(set(seen)))
"""


@pytest.mark.parametrize("text", [TRACES_ITSELF, "import sys\nsys.settrace(None)\nx = 1\n"])
def test_programs_that_trace_themselves(any_version: Sandbox, text: str) -> None:
    run = any_version.run(script(text), LIMITS)
    assert run.exit_code == 0
    assert set(run.lines or ()) >= {1, 2}


def test_programs_that_monitor_themselves() -> None:
    for version in ("3.12", "3.13"):
        sandbox = usable("portable", version)
        run = sandbox.run(script(MONITORS_ITSELF), LIMITS)
        plain = sandbox.run(Script(program=Source(MONITORS_ITSELF)), LIMITS)
        assert run.stdout == plain.stdout != b""
        assert set(run.lines or ()) == set(range(1, 15)) - {5, 6}  # no tool sees another


def test_a_program_at_the_recursion_limit(any_version: Sandbox) -> None:
    text = (
        "def f(n):\n    return f(n + 1)\ntry:\n    f(0)\nexcept RecursionError:\n    print('x')\n"
    )
    run = any_version.run(script(text), LIMITS)
    assert run.stdout == b"x\n"
    assert set(run.lines or ()) >= {1, 2, 3, 4}  # before 3.12 nothing is told from there on


FORGES = """\
import gc, mmap
for item in gc.get_objects():
    pass
held = [each for each in gc.get_objects() if type(each) is mmap.mmap]
import os
for fd in range(3, 64):
    try:
        os.truncate(fd, 1 << 20)
        os.pwrite(fd, b'\\xff' * (1 << 20), 0)
    except OSError:
        pass
"""


def test_a_forgery_stays_within_the_program(sandbox: Sandbox) -> None:
    run = sandbox.run(script(FORGES), LIMITS)
    assert set(run.lines or ()) <= set(range(1, 12))
    assert set(run.load_lines or ()) <= set(range(1, 12))
    shrinks = "import os\nfor fd in range(3, 64):\n    try:\n        os.ftruncate(fd, 0)\n"
    shrinks += "    except OSError:\n        pass\nx = 1\n"
    assert sandbox.run(script(shrinks), LIMITS).lines is None


@pytest.mark.parametrize(
    "marks", [b"", b"\1", b"\1" * 4, b"\1" * 100, b"\0" * marks_bytes(2)], ids=len
)
def test_marks_of_a_wrong_size_tell_nothing(marks: bytes) -> None:
    child = {"exit_code": 0, "signal": None, "cpu_seconds": 0.0, "delay_seconds": 0.0}
    child |= {"max_rss_bytes": 0, "limit_hit": None}
    facts = {"wall_seconds": 0.0, "children": [child], "compiled": True}
    command, outputs = script("x = 1\ny = 1\n"), (b"", b"", b"", b"")
    run = executions.execution_of(command, LIMITS, facts, (*outputs, marks))
    assert (run.lines, run.load_lines) == (None, None)
    assert executions.execution_of(command, LIMITS, facts, outputs).lines is None
