from __future__ import annotations

from typing import Any

import pytest

import codefeedback as cf
from codefeedback.checking.judging import judge
from codefeedback.checking.policies import policy
from codefeedback.sandbox.interface import NO_VALUE, Limit, Stage


def execution(**facts: Any) -> cf.Execution:
    defaults: dict[str, Any] = {
        "stage": Stage.RUN,
        "exit_code": 0,
        "signal": None,
        "wall_seconds": 0.1,
        "cpu_seconds": 0.1,
        "max_rss_bytes": 1,
    }
    return cf.Execution(**{**defaults, **facts})


def trace(name: str, *bases: str, **more: Any) -> cf.Trace:
    return cf.Trace(type_name=name, bases=(name, *bases), message="m", **more)


STDIN = cf.StdinCase(name="a", stdin="", accepted=("1",))
CALL = cf.CallCase(name="a", entry_point="f", accepted=([[2, 3]], [2, 3]))
CHECK = cf.CheckCase(name="a", test="assert f() == 1\n")
MEMORY = trace("MemoryError")
EXIT = trace("SystemExit")


@pytest.mark.parametrize(
    ("case", "facts", "verdict", "detail"),
    [
        (STDIN, {"stdout": b"1\n"}, "AC", ""),
        (STDIN, {"stdout": b"2\n"}, "WA", "line 1: expected '1', got '2'"),
        (STDIN, {"stdout": b""}, "WA", "printed nothing"),
        (STDIN, {"stdout": b" \n"}, "WA", "printed only white space"),
        (STDIN, {"stdout": b"1\n2"}, "WA", "line 2: expected no more output, got '2'"),
        (STDIN, {"stdout": b"\xff"}, "WA", "line 1: expected '1', got '\\udcff'"),
        (STDIN, {"stdout": b"1", "exit_code": 3}, "RE", "ended with exit status 3"),
        (STDIN, {"stdout": b"1", "exit_code": None, "signal": 11}, "RE", "killed by SIGSEGV"),
        (STDIN, {"exit_code": None, "signal": 64}, "RE", "killed by SIGRTMAX"),
        (STDIN, {"stdout": b"1", "trace": EXIT}, "AC", ""),
        (STDIN, {"stdout": b"1", "trace": EXIT, "exit_code": 1}, "RE", "SystemExit: m"),
        (STDIN, {"trace": trace("KeyError"), "exit_code": 1}, "RE", "KeyError: m"),
        (STDIN, {"trace": MEMORY, "exit_code": 1}, "MLE", "MemoryError: m"),
        (STDIN, {"stage": Stage.COMPILE, "exit_code": 1}, "CE", "does not compile"),
        (STDIN, {"stage": Stage.START, "signal": 11}, "CE", "the compiler killed by SIGSEGV"),
        (STDIN, {"limit_hit": Limit.CPU, "stdout": b"1"}, "TLE", Limit.CPU.exceeded),
        (STDIN, {"limit_hit": Limit.WALL}, "TLE", Limit.WALL.exceeded),
        (STDIN, {"limit_hit": Limit.MEMORY}, "MLE", Limit.MEMORY.exceeded),
        (STDIN, {"limit_hit": Limit.OUTPUT}, "OLE", Limit.OUTPUT.exceeded),
        (STDIN, {"limit_hit": Limit.PROCESSES}, "RE", Limit.PROCESSES.exceeded),
        (CALL, {"stage": Stage.RETURNED, "value": [2, 3]}, "AC", ""),
        (CALL, {"stage": Stage.RETURNED, "value": NO_VALUE}, "RE", "ended with exit status 0"),
        (CALL, {"missing": "f", "exit_code": 1}, "RE", "the program does not define f"),
        (CALL, {"exit_code": 0}, "RE", "ended with exit status 0 before the call returned"),
        (CHECK, {"stage": Stage.PASSED}, "AC", ""),
        (CHECK, {"stage": Stage.FAILED}, "WA", "the test failed"),
        (CHECK, {"stage": Stage.LOST}, "RE", "ended with exit status 0 during the test"),
        (CHECK, {"stage": Stage.RUN}, "RE", "ended with exit status 0 during the test"),
    ],
)
def test_verdicts(case: Any, facts: dict[str, Any], verdict: str, detail: str) -> None:
    found, said = judge(case, execution(**facts), policy("strict"))
    assert found.value == verdict
    assert said.startswith(detail)


def test_a_raise_of_ones_own_is_no_memory_limit() -> None:
    facts = execution(trace=trace("MemoryError", explicit=True), exit_code=1)
    assert judge(STDIN, facts, policy("strict"))[0] is cf.Verdict.RE


@pytest.mark.parametrize(
    ("name", "returned", "accepted"),
    [
        ("strict", [2, 3], True),
        ("strict", [[2, 3]], True),
        ("strict", 2, False),
        ("apps", [2, 3], True),
        ("apps", [[2, 3]], True),
        ("apps", 2, False),  # the element of the element
    ],
)
def test_one_element_answers_are_unwrapped_once(name: str, returned: Any, accepted: bool) -> None:
    case = cf.load_problem({"fn_name": "f", "inputs": [[]], "outputs": [[[2, 3]]]}).cases[0]
    facts = execution(stage=Stage.RETURNED, value=returned)
    assert (judge(case, facts, policy(name))[0] is cf.Verdict.AC) is accepted


def test_details_stay_short() -> None:
    for value in (1 << 10**6, list(range(10**6)), "x" * 10**6, {"k" * 1000: 1}):
        facts = execution(stage=Stage.RETURNED, value=value)
        assert len(judge(CALL, facts, policy("strict"))[1]) < 300
    facts = execution(stdout=b"x" * 10**6)
    assert len(judge(STDIN, facts, policy("strict"))[1]) < 300


def test_several_answers() -> None:
    case = cf.StdinCase(name="a", stdin="", accepted=("1", "2", "3"))
    assert judge(case, execution(stdout=b"2"), policy("strict"))[0] is cf.Verdict.AC
    detail = judge(case, execution(stdout=b"4"), policy("strict"))[1]
    assert detail == "line 1: expected '1', got '4' (or 2 other answers)"


def test_the_failing_line_of_a_test_is_quoted() -> None:
    frame = cf.Frame(file="<test>", function="<module>", line=1)
    failed = trace("AssertionError", frames=(frame,))
    facts = execution(stage=Stage.FAILED, test_trace=failed)
    assert judge(CHECK, facts, policy("strict"))[1] == "test line 1: assert f() == 1"
