from __future__ import annotations

import builtins

import pytest

from codefeedback import Scope, SyntaxDetail, Trace
from codefeedback.analysis.taxonomy import (
    EXCEPTIONS,
    RULES,
    SYNTAX,
    TRUNCATED,
    rule_for,
    rule_for_trace,
)

EXCEPTIONS_HERE = sorted(
    name
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)
)


def bases_of(name: str) -> tuple[str, ...]:
    return tuple(base.__name__ for base in getattr(builtins, name).__mro__[:-1])


@pytest.mark.parametrize("name", EXCEPTIONS_HERE)
def test_every_builtin_exception_has_a_rule(name: str) -> None:
    rule = rule_for_trace(Trace(type_name=name, bases=bases_of(name), message=""))
    ignored = {"RuntimeError", "TabError", "KeyboardInterrupt", "BrokenBarrierError"}
    expected = (
        Scope.GLOBAL
        if name == "RecursionError"
        else Scope.IGNORE
        if name in ignored or name == "PythonFinalizationError"
        else Scope.LINE
    )
    assert rule.scope is expected


def syntax_error(message: str, name: str = "SyntaxError") -> Trace:
    return Trace(type_name=name, bases=bases_of(name), message=message, syntax=SyntaxDetail(line=1))


@pytest.mark.parametrize(
    ("message", "name", "scope"),
    [
        ("unterminated triple-quoted string literal (detected at line 3)", "SyntaxError", "ignore"),
        ("unterminated triple-quoted f-string literal (detected", "SyntaxError", "ignore"),
        ("EOF while scanning triple-quoted string literal", "SyntaxError", "ignore"),
        ("unindent does not match any outer indentation level", "IndentationError", "ignore"),
        ("inconsistent use of tabs and spaces in indentation", "TabError", "ignore"),
        ("duplicate argument 'a' in function definition", "SyntaxError", "ignore"),
        ("import * only allowed at module level", "SyntaxError", "ignore"),
        ("'(' was never closed", "SyntaxError", "line"),
        ("expected an indented block", "IndentationError", "line"),
        ("unexpected indent", "IndentationError", "line"),
        ("invalid syntax", "SyntaxError", "line"),
        ("a message of the future", "SyntaxError", "line"),
    ],
)
def test_compiler_errors(message: str, name: str, scope: str) -> None:
    assert rule_for_trace(syntax_error(message, name)).scope.name.lower() == scope


def test_a_programs_own_words_decide_nothing() -> None:
    trace = Trace(
        type_name="ValueError",
        bases=bases_of("ValueError"),
        message="unterminated triple-quoted, duplicate argument, RecursionError, Timeout",
    )
    assert rule_for_trace(trace).scope is Scope.LINE


def test_unknown_kinds() -> None:
    assert rule_for_trace(Trace(type_name="Odd", bases=(), message="")).scope is Scope.LINE
    with pytest.raises(LookupError):
        rule_for(["NoSuchThing"])


def test_every_rule_gives_a_reason_and_can_apply() -> None:
    for rule in RULES:
        assert rule.why
        assert rule_for([rule.kind], rule.messages[0] if rule.messages else "") is rule


def test_every_builtin_exception_has_a_row_of_its_own() -> None:
    own = {rule.kind for rule in (*SYNTAX, *EXCEPTIONS)}
    # of CPython 3.8 to 3.13; EnvironmentError and IOError are other names of OSError
    later = {"EncodingWarning", "BaseExceptionGroup", "ExceptionGroup", "PythonFinalizationError"}
    aliases = {"EnvironmentError", "IOError"}
    public = {name for name in EXCEPTIONS_HERE if not name.startswith("_")}
    assert (public | later) - aliases <= own


def test_names_are_unique() -> None:
    names = [rule.name for rule in (*RULES, TRUNCATED)]
    assert len(names) == len(set(names))
    assert all(0 <= rule.weight <= 1 for rule in RULES)
