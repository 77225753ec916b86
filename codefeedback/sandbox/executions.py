"""From what a guest answers to an `Execution`: who may say what, and what is not believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from codefeedback.errors import (
    BackstopError,
    ProblemError,
    RunLostError,
    SandboxUnavailableError,
)
from codefeedback.guest.coverage import NOTHING, WORKED, marks_bytes
from codefeedback.guest.report import UNREADY
from codefeedback.problems import Limits
from codefeedback.sandbox import testimony
from codefeedback.sandbox.interface import (
    NO_VALUE,
    Call,
    Calls,
    Check,
    Command,
    Execution,
    Limit,
    Stage,
)
from codefeedback.spans import Source

# What a process may say of itself. Only the process of the test says how the test went.
_OF_PROGRAM = {"compile": Stage.COMPILE, "run": Stage.RUN, "overflow": Stage.RUN}
_OF_CALL = {**_OF_PROGRAM, "done": Stage.RETURNED}
_OF_TEST = {
    "passed": Stage.PASSED,
    "failed": Stage.FAILED,
    "raised": Stage.RUN,
    "missing": Stage.RUN,
    "lost": Stage.LOST,
}

# What the program's process says of others, and can forge: that code of the problem fails, or that
# we could not set the process up.
_CLAIMS: dict[str, Callable[[str], Exception]] = {
    "problem": ProblemError,
    "unready": lambda reason: SandboxUnavailableError(f"cannot set a program up: {reason}"),
}


class ClaimError(Exception):
    """The program's process says that not the program failed; `certain` if nothing of the program
    had run there that could say so."""

    def __init__(self, error: Exception, execution: Execution, certain: bool) -> None:
        self.error = error
        self.execution = execution
        self.certain = certain


def execution_of(
    command: Command,
    limits: Limits,
    facts: dict[str, Any],
    outputs: Sequence[bytes],
    reused: bool = False,
) -> Execution:
    """The facts about one run.

    `outputs` are stdout, stderr, the report of the program's process and that of the test's, and,
    if asked for, the marks of the lines that ran.
    Raises ProblemError when the test fails by itself, RunLostError and BackstopError when we
    failed, ClaimError for what has to be looked into.
    """
    stdout, stderr, *reports = outputs[:4]
    report, test_report = (testimony.read(data) for data in reports)
    lines, load_lines, complete = _lines_of(outputs[4:], command)
    split = isinstance(command, Check) and command.split
    by_test = split and report.get("phase") == "run" and "exception" not in report
    said = test_report if by_test else report
    phase = str(said.get("phase"))
    limit = _limit_hit(facts)
    if max(len(stdout), len(stderr)) > limits.output_bytes or phase == "overflow":
        limit = limit or Limit.OUTPUT
    program, *_ = facts["children"]
    if by_test:
        _look_at_test(said, phase, limit)
    elif not said and _unready(facts) and limit is None:
        raise RunLostError("a program's process could not be set up, nor say why")
    stage = _stages(command, by_test).get(
        phase, Stage.RUN if said or facts["compiled"] else Stage.START
    )
    test = Source(command.test, "<test>") if isinstance(command, Check) else command.program
    test_failed = stage is Stage.FAILED
    execution = Execution(
        stage=stage,
        exit_code=program["exit_code"],
        signal=program["signal"],
        wall_seconds=facts["wall_seconds"],
        cpu_seconds=sum(child["cpu_seconds"] for child in facts["children"]),
        delay_seconds=program["delay_seconds"],
        max_rss_bytes=program["max_rss_bytes"],
        stdout=stdout[: limits.output_bytes],
        stderr=stderr[: limits.output_bytes],
        limit_hit=limit,
        trace=None if test_failed else testimony.trace_of(said, command.program),
        test_trace=testimony.trace_of(said, test) if test_failed else None,
        value=testimony.value_of(said) if stage is Stage.RETURNED else NO_VALUE,
        values=testimony.values_of(said) if isinstance(command, Calls) else None,
        missing=testimony.text_of(said, "missing"),
        split=split or not isinstance(command, Check),
        reused=reused,
        lines=lines,
        load_lines=load_lines,
        lines_complete=complete and limit is None,
    )
    if phase in _CLAIMS:
        reason = testimony.text_of(said, "reason") or "its code fails"
        raise ClaimError(_CLAIMS[phase](reason), execution, certain=_unready(facts))
    return execution


def _look_at_test(said: dict[str, Any], phase: str, limit: Limit | None) -> None:
    """Raises ProblemError when a test fails by itself, RunLostError when it says nothing."""
    if phase == "problem":
        raise ProblemError(testimony.text_of(said, "reason") or "the test fails by itself")
    if phase not in _OF_TEST and limit is None:
        raise RunLostError("the process of the test code ended without a word")


def _unready(facts: dict[str, Any]) -> bool:
    """Whether a process ended as one does that could not be set up, before it ran anything of a
    program."""
    return not facts["compiled"] and facts["children"][0]["exit_code"] == UNREADY


def _stages(command: Command, by_test: bool) -> dict[str, Stage]:
    """What the one who speaks may say."""
    if by_test:
        return _OF_TEST
    if isinstance(command, Check) and not command.split:
        return _OF_PROGRAM | _OF_TEST
    return _OF_CALL if isinstance(command, Call) else _OF_PROGRAM


def _lines_of(
    marks: Sequence[bytes], command: Command
) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None, bool]:
    """The lines that ran, those that ran while the program was loaded, and whether that is all:
    see `codefeedback.guest.coverage`. A program can forge them, within its own lines."""
    count = command.program.line_count if marks else 0
    if not marks or len(marks[0]) != marks_bytes(count) or marks[0][0] == NOTHING:
        return None, None, False
    regions = (marks[0][1 : count + 1], marks[0][count + 2 :])
    ran, loaded = (tuple(line for line, mark in enumerate(region, 1) if mark) for region in regions)
    return ran, loaded, marks[0][0] == WORKED


def _limit_hit(facts: dict[str, Any]) -> Limit | None:
    hits = [child["limit_hit"] for child in facts["children"] if child["limit_hit"]]
    if "backstop" in hits:
        raise BackstopError(f"a run was not over after {facts['wall_seconds']:.0f} s")
    return Limit(hits[0]) if hits else None
