"""Which lines wrong answers come from: what failing cases run, and passing ones do not.

Spectrum-based fault localisation. For each line it counts the failing and passing cases that ran
it (ef, ep) and those that did not (nf, np); a formula turns the counts into a suspicion. The
program itself says which lines it ran, so this may decide where to look, and never a verdict.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from codefeedback.errors import UsageError
from codefeedback.problems import Limits
from codefeedback.sandbox.asserts import Asserted, asserted, calls_of
from codefeedback.sandbox.interface import (
    Calls,
    Check,
    Command,
    Execution,
    Sandbox,
    Script,
    Stage,
)

#: `observe` looks at so many cases that were accepted, and at so many that were not; of a test of
#: plain asserts at so many asserts.
MOST_ACCEPTED = MOST_REJECTED = 64

_DIGITS = 9  # counts in the same proportion must come out equal

Formula = Callable[[int, int, int, int], float]


def ochiai(ef: int, ep: int, nf: int, np: int) -> float:
    """Abreu, Zoeteweij, van Gemund: On the Accuracy of Spectrum-based Fault Localization, 2007."""
    return ef / math.sqrt((ef + nf) * (ef + ep)) if ef else 0.0


def dstar(ef: int, ep: int, nf: int, np: int) -> float:
    """Wong, Debroy, Gao, Li: The DStar Method for Effective Software Fault Localization, 2014;
    star is 2. Infinite for a line that every failing case runs, and no passing one."""
    if not ef:
        return 0.0
    return ef**2 / (ep + nf) if ep + nf else math.inf


def tarantula(ef: int, ep: int, nf: int, np: int) -> float:
    """Jones, Harrold: Empirical Evaluation of the Tarantula Automatic Fault-Localization
    Technique, 2005."""
    if not ef:
        return 0.0
    failing, passing = ef / (ef + nf), ep / (ep + np) if ep else 0.0
    return failing / (failing + passing)


FORMULAS: Mapping[str, Formula] = {"ochiai": ochiai, "dstar": dstar, "tarantula": tarantula}


def checked_formula(name: str) -> str:
    """Raises UsageError for a formula that there is not."""
    if name not in list(FORMULAS):
        raise UsageError(f"blame: expected {', '.join(FORMULAS)}, got {name!r}")
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One case: whether it passed, and the lines that it ran (of a program that is imported,
    those that ran after it was loaded)."""

    name: str
    passed: bool
    lines: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """How suspicious a line is: 1.0 for the most suspicious, more than 0.0 for all others."""

    line: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Blamed:
    """The lines that failing cases ran, by falling suspicion; or none, and the reason."""

    suspicions: tuple[Suspicion, ...]
    reason: str = ""


def localise(observations: Sequence[Observation], formula: str = "ochiai") -> Blamed:
    """Ranks the lines that failing cases ran. It names none where nothing tells them apart.

    Raises UsageError for an unknown formula.
    """
    function = FORMULAS[checked_formula(formula)]
    failing = [each for each in observations if not each.passed]
    passing = [each for each in observations if each.passed]
    lines = sorted(frozenset[int]().union(*(each.lines for each in failing)))
    if not failing:
        return Blamed(suspicions=(), reason="no case failed")
    if not passing:
        return Blamed(suspicions=(), reason="no case passed: nothing tells the lines apart")
    if not lines:
        return Blamed(suspicions=(), reason="no failing case ran a line")
    scores = []
    for line in lines:
        ef = sum(line in each.lines for each in failing)
        ep = sum(line in each.lines for each in passing)
        scores.append(function(ef, ep, len(failing) - ef, len(passing) - ep))
    scores = _normalised(scores, len(failing))
    if len(lines) > 1 and len(set(scores)) == 1:
        return Blamed(suspicions=(), reason="all lines ran alike in passing and failing cases")
    found = [Suspicion(line=line, score=score) for line, score in zip(lines, scores, strict=True)]
    return Blamed(suspicions=tuple(sorted(found, key=lambda each: (-each.score, each.line))))


def _normalised(scores: Sequence[float], failing: int) -> list[float]:
    """Divided by the highest. An infinite score counts twice as much as the highest finite one of
    `dstar` can be, so that the others keep their order."""
    finite = [2.0 * failing**2 if math.isinf(score) else score for score in scores]
    return [round(score / max(finite), _DIGITS) for score in finite]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What is run for one observation: a case, or one assert of a test."""

    name: str
    command: Command
    accepted: bool  # the case
    single: Asserted | None = None


def observe(
    sandbox: Sandbox, runs: Sequence[tuple[str, Command, bool]], limits: Limits
) -> list[Observation]:
    """Runs cases of one program again, and looks at the lines that they run.

    `runs` are the name of a case, the command as it was graded, and whether it was accepted (else
    its answer was wrong). A test of plain asserts gives an observation per assert, named
    ``case[0]``, ``case[1]`` ...: they tell apart what the case mixes. What ends in another way than
    it was graded is left out, and so is what goes beyond `MOST_ACCEPTED` and `MOST_REJECTED`.
    Raises as `Sandbox.run_all` does.
    """
    accepted: list[_Part] = []
    rejected: list[_Part] = []
    for name, command, passed in runs:
        parts = _parts(name, command, passed, limits)
        if passed:
            accepted += parts
        elif isinstance(command, Check) and len(parts) > MOST_REJECTED:
            rejected += _failing_first(sandbox, command, parts, limits)
        else:
            rejected += parts
    parts = [*_spread(accepted, MOST_ACCEPTED), *_spread(rejected, MOST_REJECTED)]
    found = []
    executions = sandbox.run_all([part.command for part in parts], limits)
    with contextlib.closing(executions):
        for part, execution in zip(parts, executions, strict=True):
            outcome = _outcome(part, execution)
            if outcome is not None and execution.lines is not None and execution.lines_complete:
                lines = frozenset(execution.lines)
                found.append(Observation(name=part.name, passed=outcome, lines=lines))
    return found


def _parts(name: str, command: Command, accepted: bool, limits: Limits) -> list[_Part]:
    asserts = asserted(command) if isinstance(command, Check) else ()
    if not asserts or not isinstance(command, Check):
        return [_Part(name=name, command=replace(command, coverage=True), accepted=accepted)]
    return [
        _Part(
            name=f"{name}[{number}]",
            command=replace(_calls(command, [each], limits), coverage=True),
            accepted=accepted,
            single=each,
        )
        for number, each in enumerate(asserts)
    ]


def _calls(command: Check, asserts: Sequence[Asserted], limits: Limits) -> Calls:
    return replace(calls_of(command, asserts), quick_seconds=limits.cpu_seconds)


def _failing_first(
    sandbox: Sandbox, command: Check, parts: list[_Part], limits: Limits
) -> list[_Part]:
    """Some of very many asserts of a test that fails: by chance, none of those that fail might be
    among them."""
    asserts = [part.single for part in parts if part.single is not None]
    values = sandbox.run(_calls(command, asserts, limits), limits).values or ()
    told = zip(parts, asserts, values, strict=False)  # until a call raises
    failing = [part for part, single, value in told if _holds(single, value) is False]
    rest = [part for part in parts if part not in failing]
    some = _spread(failing, MOST_REJECTED // 2)
    return [*some, *_spread(rest, MOST_REJECTED - len(some))]


def _spread(parts: list[_Part], most: int) -> list[_Part]:
    """At most so many, evenly."""
    count = min(len(parts), most)
    return [parts[number * len(parts) // count] for number in range(count)]


def _outcome(part: _Part, execution: Execution) -> bool | None:
    """Whether it passed; None if it did not go as when it was graded, so that its lines are not
    those of that run."""
    if execution.limit_hit is not None or execution.signal is not None:
        return None
    if part.single is None:
        return part.accepted if _ended_as_graded(part, execution) else None
    values = execution.values
    holds = _holds(part.single, values[0]) if values else None
    # All asserts of a case that was accepted hold.
    return None if part.accepted and not holds else holds


def _ended_as_graded(part: _Part, execution: Execution) -> bool:
    if isinstance(part.command, Check):
        return execution.stage is (Stage.PASSED if part.accepted else Stage.FAILED)
    if isinstance(part.command, Script):
        return execution.stage is Stage.RUN and execution.exit_code == 0
    return execution.stage is Stage.RETURNED


def _holds(single: Asserted, value: object) -> bool | None:
    try:
        return single.holds(value)
    except Exception:
        return None  # a comparison that makes no sense is no wrong answer
