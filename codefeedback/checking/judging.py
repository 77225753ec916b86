"""From the facts of a run to the verdict on a case."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

from codefeedback.checking.policies import Policy
from codefeedback.checking.text import lines
from codefeedback.problems import CallCase, Case, CheckCase, StdinCase
from codefeedback.sandbox.interface import NO_VALUE, Execution, Limit, Stage
from codefeedback.traces import Trace
from codefeedback.verdicts import Verdict

_OF_LIMIT = {
    Limit.CPU: Verdict.TLE,
    Limit.WALL: Verdict.TLE,
    Limit.MEMORY: Verdict.MLE,
    Limit.OUTPUT: Verdict.OLE,
    Limit.PROCESSES: Verdict.RE,
}
_MAX_QUOTE = 80
# Never the whole of a value: a program may return megabytes.
_REPR = reprlib.Repr()
_REPR.maxlist = _REPR.maxtuple = _REPR.maxset = _REPR.maxdict = 20
_REPR.maxstring = _REPR.maxlong = _REPR.maxother = _MAX_QUOTE


def failure(execution: Execution) -> tuple[Verdict, str] | None:
    """The verdict and its reason when the run itself failed; None when there is an answer."""
    trace = execution.trace
    if execution.limit_hit is not None:
        return _OF_LIMIT[execution.limit_hit], execution.limit_hit.exceeded
    if execution.stage is Stage.START:
        return Verdict.CE, f"the compiler {execution.ending}"
    if execution.stage is Stage.COMPILE:
        return Verdict.CE, _describe(trace)
    if trace is not None and trace.is_a("MemoryError") and not trace.explicit:
        return Verdict.MLE, _describe(trace)
    if execution.missing is not None:
        return Verdict.RE, f"the program does not define {execution.missing}"
    if execution.stage in (Stage.PASSED, Stage.FAILED, Stage.RETURNED):
        return None
    if execution.stage is Stage.LOST:
        return Verdict.RE, f"{execution.ending} during the test"
    clean = execution.exit_code == 0 and execution.stage is Stage.RUN
    if clean and (trace is None or trace.is_a("SystemExit")):
        return None
    if trace is not None and not (trace.is_a("SystemExit") and execution.signal is not None):
        return Verdict.RE, _describe(trace)
    return Verdict.RE, execution.ending


def judge(case: Case, execution: Execution, policy: Policy) -> tuple[Verdict, str]:
    """The verdict on one case, with one line of detail for people.

    A test's own policy is its code, so `policy` says nothing on a CheckCase.
    """
    failed = failure(execution)
    if failed is not None:
        return failed
    if isinstance(case, CheckCase):
        if execution.stage is Stage.PASSED:
            return Verdict.AC, ""
        if execution.stage is Stage.FAILED:
            return Verdict.WA, _failed_test(case, execution.test_trace)
        return Verdict.RE, f"{execution.ending} during the test"
    if isinstance(case, CallCase):
        if execution.value is NO_VALUE:
            return Verdict.RE, f"{execution.ending} before the call returned"
        answers = _as_written(case.accepted) if policy.unwraps else case.accepted
        return _compare(answers, execution.value, policy.value, _quote_values)
    printed = execution.stdout.decode("utf-8", "surrogateescape")
    return _compare(case.accepted, printed, policy.text, _quote_lines)


def _as_written(accepted: tuple[Any, ...]) -> tuple[Any, ...]:
    """Without the element of a one-element list that loading added to it (APPS): a policy that
    unwraps would unwrap twice."""
    first, *rest = accepted
    unwrapped = type(first) is list and len(first) == 1 and len(rest) == 1 and rest[0] is first[0]
    return (first,) if unwrapped else accepted


def _compare(
    accepted: tuple[Any, ...],
    answer: Any,
    equal: Callable[[Any, Any], bool],
    quote: Callable[[Any, Any], str],
) -> tuple[Verdict, str]:
    if any(equal(expected, answer) for expected in accepted):
        return Verdict.AC, ""
    more = f" (or {len(accepted) - 1} other answers)" if len(accepted) > 1 else ""
    return Verdict.WA, quote(accepted[0], answer) + more


def _quote_values(expected: Any, returned: Any) -> str:
    return f"expected {_value(expected)}, got {_value(returned)}"


def _value(value: Any) -> str:
    try:
        return _short(_REPR.repr(value))
    except ValueError:  # an integer of more digits than Python prints
        return "a value too long to print"


def _quote_lines(expected: str, printed: str) -> str:
    """The first line that differs."""
    if not printed.strip():
        return "printed nothing" if not printed else "printed only white space"
    # Line by line: a program may print millions of them.
    pairs = zip_longest(lines(expected.rstrip()), lines(printed.rstrip()))
    for number, (wanted, got) in enumerate(pairs, 1):
        if wanted is None:
            return f"line {number}: expected no more output, got {_line(got)}"
        if got is None:
            return f"line {number}: expected {_line(wanted)}, got no more output"
        if wanted.rstrip() != got.rstrip():
            return f"line {number}: expected {_line(wanted)}, got {_line(got)}"
    return "the answers differ in white space only"


def _line(text: str) -> str:
    return _short(repr(text[: 2 * _MAX_QUOTE]))


def _failed_test(case: CheckCase, trace: Trace | None) -> str:
    if trace is None:
        return "the test failed"
    if trace.deepest is None:
        return _describe(trace)
    text_lines = case.test.split("\n")
    line = trace.deepest.line
    text = text_lines[line - 1].strip() if line <= len(text_lines) else ""
    kind = "" if trace.type_name == "AssertionError" else f"{_describe(trace)} at "
    return f"{kind}test line {line}: {_short(text)}"


def _describe(trace: Trace | None) -> str:
    if trace is None:
        return "does not compile"
    line = trace.deepest.line if trace.deepest else trace.syntax.line if trace.syntax else None
    place = "" if line is None else f" (line {line})"
    message = _short(" ".join(trace.message.split()))
    return f"{trace.type_name}: {message}{place}" if message else f"{trace.type_name}{place}"


def _short(text: str) -> str:
    return text if len(text) <= _MAX_QUOTE else text[: _MAX_QUOTE - 3] + "..."


def tamper_resistant(case: Case, execution: Execution) -> bool:
    """Whether the program could have influenced its verdict other than by its answer."""
    return isinstance(case, (StdinCase, CallCase)) or execution.split
