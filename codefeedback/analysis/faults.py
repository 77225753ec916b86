"""From the facts of a run to the finding that says what was wrong and where."""

from __future__ import annotations

from collections.abc import Iterable

from codefeedback import scoring
from codefeedback.analysis import taxonomy
from codefeedback.analysis.extents import Extents
from codefeedback.analysis.taxonomy import Rule
from codefeedback.findings import Finding, Origin, Scope
from codefeedback.sandbox.interface import Execution, Limit, Stage
from codefeedback.spans import CharSpan, Source
from codefeedback.traces import Frame, Trace
from codefeedback.verdicts import Verdict

_LIMIT_KINDS = {
    Limit.CPU: "TimeLimitExceeded",
    Limit.WALL: "TimeLimitExceeded",
    Limit.MEMORY: "MemoryLimitExceeded",
    Limit.OUTPUT: "OutputLimitExceeded",
    Limit.PROCESSES: "ProcessLimitExceeded",
}
_BLANKS = " \t\f"
# The compiler reports these where they began, when it comes to the end of the text.
_OPEN_AT_END = ("triple-quoted", "unexpected EOF")


def finding(
    rule: Rule,
    kind: str,
    origin: Origin,
    message: str,
    source: Source,
    *,
    places: tuple[CharSpan, ...] = (),
    secondary: tuple[CharSpan, ...] = (),
    cases: tuple[str, ...] = (),
    share: float = 1.0,
) -> Finding:
    """A finding by a rule of the taxonomy; `share` of its weight."""
    scope = rule.scope
    if scope is Scope.LINE and not places:
        scope = Scope.IGNORE  # raised where the program has no line: in a thread's start, a hook
    spans = {Scope.GLOBAL: (source.whole_span(),), Scope.LINE: places, Scope.IGNORE: ()}[scope]
    weight = rule.weight * share
    return Finding(
        scope=scope,
        kind=kind,
        rule=rule.name,
        origin=origin,
        message=message,
        spans=spans,
        secondary=secondary if scope is Scope.LINE else (),
        cases=cases,
        weight=weight,
        score=scoring.fine(scope) * weight if scope is not Scope.IGNORE else 0.0,
    )


def fault_of(
    execution: Execution,
    verdict: Verdict,
    source: Source,
    case: str | None,
    extents: Extents,
    truncated: bool = False,
) -> Finding | None:
    """The finding for a case of this verdict; None for AC and WA, which name no place.

    `truncated` says that the program's text was cut off at its end.
    """
    if verdict in (Verdict.AC, Verdict.WA):
        return None
    cases = () if case is None else (case,)
    trace = execution.trace
    if execution.limit_hit is not None and not _has_place(execution):
        limit = execution.limit_hit
        return _plain(_LIMIT_KINDS[limit], Origin.LIMIT, limit.exceeded, source, cases)
    if execution.stage is Stage.START:
        return _plain("CompilerCrash", Origin.SYNTAX, execution.ending, source, cases)
    if trace is not None and execution.stage is Stage.COMPILE:
        return of_compiler(trace, source, extents, truncated)
    if trace is not None:
        return _of_exception(trace, source, extents, cases)
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
    return finding(taxonomy.rule_for([kind]), kind, origin, message, source, cases=cases)


def no_program(reason: str, source: Source) -> Finding:
    """The finding for a completion in which there is no program."""
    return _plain("NoProgram", Origin.EXTRACTION, reason, source, ())


def of_compiler(trace: Trace, source: Source, extents: Extents, truncated: bool) -> Finding:
    """The finding for a program that does not compile."""
    rule, line = taxonomy.rule_for_trace(trace), compiler_line(trace, source)
    if truncated and line is not None and _is_at_end(trace, line, source):
        rule = taxonomy.TRUNCATED
    return finding(
        rule,
        trace.type_name,
        Origin.SYNTAX,
        trace.message,
        source,
        places=() if line is None else (extents.of_compiler(line, trace.syntax),),
    )


def _of_exception(
    trace: Trace, source: Source, extents: Extents, cases: tuple[str, ...]
) -> Finding:
    deepest = _raising_frames(trace)
    callers = trace.frames[:-1] if not trace.members else trace.frames
    places = _distinct(extents.of_frame(frame) for frame in deepest)
    return finding(
        taxonomy.rule_for_trace(trace),
        trace.type_name,
        Origin.RUNTIME,
        trace.message,
        source,
        places=places,
        secondary=_distinct((extents.of_frame(frame) for frame in callers), known=places),
        cases=cases,
    )


def _distinct(spans: Iterable[CharSpan], known: tuple[CharSpan, ...] = ()) -> tuple[CharSpan, ...]:
    return tuple(span for span in dict.fromkeys(spans) if span not in known)


def _raising_frames(trace: Trace) -> list[Frame]:
    """The innermost frame; of a group, those of its members."""
    frames = [frame for member in trace.members for frame in _raising_frames(member)]
    if not frames and trace.deepest is not None:
        frames = [trace.deepest]
    return frames


def compiler_line(trace: Trace, source: Source) -> int | None:
    """The line that the compiler names, moved to one with text; None where it names none."""
    line = trace.syntax.line if trace.syntax is not None else None
    if trace.syntax is not None and trace.syntax.file not in (None, source.name):
        line = None  # CPython 3.8 counts lines inside an f-string, as "<fstring>"
    if line is None and "\0" in source.text:
        line = source.position(source.text.index("\0")).line  # CPython names no line for these
    if line == 0 and ("codec" in trace.message or "encoding" in trace.message):
        line = _cookie_line(source)  # nor for these, from 3.9 on
    if line is None or line < 1:
        return None
    # An error at the end of the file may be reported behind it, or on a blank line.
    return _last_text_line(source, min(line, source.line_count))


def _cookie_line(source: Source) -> int | None:
    """Where a coding cookie stands, which only the first two lines can hold."""
    first = range(1, min(source.line_count, 2) + 1)
    return next((line for line in first if "coding" in source.line_text(line)), None)


def _last_text_line(source: Source, line: int) -> int:
    """The last line up to `line` that is not blank for Python's tokenizer."""
    while line > 1 and not source.line_text(line).strip(_BLANKS):
        line -= 1
    return line


def _is_at_end(trace: Trace, line: int, source: Source) -> bool:
    """Whether the compiler stumbles over the end of the text: what more text could mend."""
    last = _last_text_line(source, source.line_count)
    while last > 1 and source.line_text(last - 1).endswith("\\"):
        last -= 1  # the end is a statement over several lines
    open_bracket = trace.syntax is not None and trace.syntax.can_go_on is True
    return line >= last or open_bracket or any(part in trace.message for part in _OPEN_AT_END)
