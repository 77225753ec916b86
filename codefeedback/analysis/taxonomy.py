"""The one table that decides how much of a program a fault blames.

After RLTF (arXiv 2307.04349, table of error sub-types, and the lists in its released code).
Exceptions are matched by class: a class that is not in the table counts as its nearest built-in
base. Compiler errors have one class for many faults, so they are matched by CPython's own message
as well, in the wordings of 3.8 to 3.13; that text comes from the compiler, never from the program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codefeedback.findings import Scope
from codefeedback.traces import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`kind` is blamed as `scope`. `messages` narrows it to compiler errors that contain one."""

    kind: str
    scope: Scope
    why: str
    messages: tuple[str, ...] = ()


RULES: tuple[Rule, ...] = (
    # Compiler errors, the narrow rules first.
    Rule(
        kind="TabError",
        scope=Scope.IGNORE,
        why="tabs and spaces are mixed: no single line is wrong",
    ),
    Rule(
        kind="IndentationError",
        scope=Scope.IGNORE,
        why="any of the lines around may have the wrong indentation",
        messages=("unindent does not match any outer indentation level",),
    ),
    Rule(
        kind="SyntaxError",
        scope=Scope.IGNORE,
        why="a triple quote is open: the missing end may belong anywhere behind it",
        messages=("unterminated triple-quoted", "EOF while scanning triple-quoted"),
    ),
    Rule(
        kind="SyntaxError",
        scope=Scope.IGNORE,
        why="either of the arguments may be the wrong one",
        messages=("duplicate argument",),
    ),
    Rule(
        kind="SyntaxError",
        scope=Scope.IGNORE,
        why="the import and the function around it are both to blame",
        messages=("import * only allowed at module level",),
    ),
    Rule(kind="SyntaxError", scope=Scope.LINE, why="the compiler names the place"),
    # Exceptions at run time.
    Rule(kind="RecursionError", scope=Scope.GLOBAL, why="the recursion as a whole does not end"),
    Rule(kind="NotImplementedError", scope=Scope.LINE, why="the line says what is not implemented"),
    Rule(
        kind="RuntimeError",
        scope=Scope.IGNORE,
        why="the interpreter complains about a state, not about a place",
    ),
    Rule(kind="KeyboardInterrupt", scope=Scope.IGNORE, why="the program was interrupted"),
    Rule(kind="BaseException", scope=Scope.LINE, why="the innermost line of the program raised it"),
    # What the sandbox saw.
    Rule(kind="TimeLimitExceeded", scope=Scope.GLOBAL, why="the algorithm is too slow"),
    Rule(kind="MemoryLimitExceeded", scope=Scope.GLOBAL, why="the program holds too much"),
    Rule(kind="OutputLimitExceeded", scope=Scope.GLOBAL, why="the program prints too much"),
    Rule(kind="ProcessLimitExceeded", scope=Scope.GLOBAL, why="the program starts too many"),
    Rule(
        kind="MissingEntryPoint", scope=Scope.GLOBAL, why="what the tests call is nowhere defined"
    ),
    Rule(kind="CompilerCrash", scope=Scope.IGNORE, why="the compiler died without naming a place"),
    Rule(kind="KilledBySignal", scope=Scope.IGNORE, why="a killed process names no place"),
    Rule(kind="ExitStatus", scope=Scope.IGNORE, why="an exit status names no place"),
)


def rule_for(kinds: Sequence[str], message: str = "") -> Rule:
    """The rule for the first of `kinds` that has one. Raises LookupError without any."""
    for kind in kinds:
        for rule in RULES:
            narrowed = not rule.messages or any(part in message for part in rule.messages)
            if rule.kind == kind and narrowed:
                return rule
    raise LookupError(f"no rule for {', '.join(kinds)}")


def rule_for_trace(trace: Trace) -> Rule:
    """The rule for an exception: by its class, else its nearest built-in base."""
    # Only the compiler's messages may decide; a program chooses its own freely.
    message = trace.message if trace.syntax is not None and not trace.frames else ""
    return rule_for((*trace.bases, "BaseException"), message)
