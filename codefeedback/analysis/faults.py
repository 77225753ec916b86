"""From the facts of a run to the finding that says what was wrong and where."""

from __future__ import annotations

from codefeedback import scoring
from codefeedback.analysis import taxonomy
from codefeedback.findings import Finding, Origin, Scope
from codefeedback.sandbox.interface import Execution, Limit, Stage
from codefeedback.spans import CharSpan, Source
from codefeedback.traces import Trace
from codefeedback.verdicts import Verdict

_LIMIT_KINDS = {
    Limit.CPU: "TimeLimitExceeded",
    Limit.WALL: "TimeLimitExceeded",
    Limit.MEMORY: "MemoryLimitExceeded",
    Limit.OUTPUT: "OutputLimitExceeded",
    Limit.PROCESSES: "ProcessLimitExceeded",
}


def fault_of(
    execution: Execution, verdict: Verdict, source: Source, case: str | None
) -> Finding | None:
    """The finding for a case of this verdict; None for AC and WA, which name no place."""
    if verdict in (Verdict.AC, Verdict.WA):
        return None
    cases = () if case is None else (case,)
    trace = execution.trace
    if execution.limit_hit is not None and not _has_place(execution):
        limit = execution.limit_hit
        return _plain(_LIMIT_KINDS[limit], Origin.LIMIT, limit.exceeded, source, cases)
    if execution.stage is Stage.START:
        return _plain("CompilerCrash", Origin.SYNTAX, execution.ending, source, cases)
    if trace is not None:
        return _of_trace(trace, execution.stage is Stage.COMPILE, source, cases)
    if execution.missing is not None:
        message = f"the program does not define {execution.missing}"
        return _plain("MissingEntryPoint", Origin.RUNTIME, message, source, cases)
    kind = "ExitStatus" if execution.signal is None else "KilledBySignal"
    return _plain(kind, Origin.EXIT, execution.ending, source, cases)


def _has_place(execution: Execution) -> bool:
    """Memory that ran out in a statement of the program names that statement."""
    trace = execution.trace
    return (
        execution.limit_hit is Limit.MEMORY
        and trace is not None
        and trace.is_a("MemoryError")
        and trace.deepest is not None
    )


def _plain(
    kind: str, origin: Origin, message: str, source: Source, cases: tuple[str, ...]
) -> Finding:
    return _finding(taxonomy.rule_for([kind]).scope, kind, origin, message, (), source, cases)


def _of_trace(trace: Trace, compiling: bool, source: Source, cases: tuple[str, ...]) -> Finding:
    scope = taxonomy.rule_for_trace(trace).scope
    lines = _compiler_lines(trace, source) if compiling else _raising_lines(trace)
    if scope is Scope.LINE and not lines:
        scope = Scope.IGNORE  # raised where the program has no line: in a thread's start, a hook
    return _finding(
        scope,
        trace.type_name,
        Origin.SYNTAX if compiling else Origin.RUNTIME,
        trace.message,
        tuple(source.line_span(line) for line in lines),
        source,
        () if compiling else cases,
    )


def _finding(
    scope: Scope,
    kind: str,
    origin: Origin,
    message: str,
    lines: tuple[CharSpan, ...],
    source: Source,
    cases: tuple[str, ...],
) -> Finding:
    spans = {Scope.GLOBAL: (source.whole_span(),), Scope.LINE: lines, Scope.IGNORE: ()}[scope]
    return Finding(
        scope=scope,
        kind=kind,
        origin=origin,
        message=message,
        spans=spans,
        cases=cases,
        score=scoring.fine(scope),
    )


def _raising_lines(trace: Trace) -> list[int]:
    """The line of the innermost frame; of a group, those of its members."""
    lines: list[int] = []
    for member in trace.members:
        lines += [line for line in _raising_lines(member) if line not in lines]
    if not lines and trace.deepest is not None:
        lines = [trace.deepest.line]
    return lines


def _compiler_lines(trace: Trace, source: Source) -> list[int]:
    line = trace.syntax.line if trace.syntax is not None else None
    if trace.syntax is not None and trace.syntax.file not in (None, source.name):
        line = None  # CPython 3.8 counts lines inside an f-string, as "<fstring>"
    if line is None and "\0" in source.text:
        line = source.position(source.text.index("\0")).line  # CPython names no line for these
    if line is None or line < 1:
        return []
    # An error at the end of the file may be reported behind it, or on a blank line.
    line = min(line, source.line_count)
    while line > 1 and not source.line_text(line).strip():
        line -= 1
    return [line]
