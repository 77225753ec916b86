"""Tests that do no more than compare what calls return with literals.

Most tests that are code are of this kind. For them no process of the test's is needed: the program
returns values, and what the asserts say of them is decided here, by the same comparisons of the
same builtin values. Whatever is not plain (values of other types, limits, exits, ...) is no answer,
and the test itself has to run.
"""

from __future__ import annotations

import ast
import builtins
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from codefeedback.sandbox.interface import Calls, Check, Command, Execution, Stage
from codefeedback.traces import Frame, Trace

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
# A call that takes longer may come after an assert that fails, which the test would not reach.
_QUICK_SECONDS = 0.05
_Holds = Callable[[Any], bool]
_ASSERTION_BASES = ("AssertionError", "Exception", "BaseException")


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What every version has, so that importing it cannot fail.
_IMPORTS = {
    "typing": _names("Any Callable Dict Iterable Iterator List Optional Set Tuple Union"),
    "math": _names("ceil factorial floor gcd inf log pi pow sqrt"),
    "collections": _names("Counter OrderedDict defaultdict deque"),
    **dict.fromkeys(_names("copy functools heapq itertools random re string sys"), frozenset()),
}
_PLAIN_TYPES = _names("bool bytes dict float frozenset int list object set str tuple")


class _NotPlainError(Exception):
    """The test does something else."""


@dataclass(frozen=True, slots=True)
class Asserted:
    """One assert: a call, what must hold of the value it returns, and where it stands."""

    entry_point: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    holds: _Holds
    function: str
    node: ast.Assert
    message: str

    def failure(self) -> Trace:
        """The AssertionError that the test would raise."""
        frame = Frame(file="<test>", function=self.function, line=self.node.lineno)
        return Trace(
            type_name="AssertionError",
            bases=_ASSERTION_BASES,
            message=self.message,
            frames=(frame,),
        )


@lru_cache(maxsize=4096)  # a batch has many programs per test
def _asserted(setup: str, test: str, entry_point: str | None) -> tuple[Asserted, ...]:
    """The asserts of a test; empty if it is not plain."""
    try:
        tree, before = ast.parse(test), ast.parse(setup)
        known = {node.name for node in before.body if isinstance(node, ast.FunctionDef)}
        known |= {target.id for node in before.body for target in _targets(node)}
        for text in (test, setup):
            compile(text, "<test>", "exec", dont_inherit=True)  # finds more than the parser does
        if not all(_is_harmless(node, known) for node in before.body):
            return ()
        if entry_point is None:
            return tuple(_of_statements(tree.body, None, "", "<module>", known))
        checks = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        if not checks:  # MBPP: asserts that call it by its own name
            return tuple(_of_statements(tree.body, entry_point, entry_point, "<module>", known))
        rest = [node for node in tree.body if not isinstance(node, ast.FunctionDef)]
        if [node.name for node in checks] != ["check"] or list(
            _of_statements(rest, "", entry_point, "<module>", known)
        ):
            return ()
        return tuple(_of_statements(checks[0].body, _only(checks[0]), entry_point, "check", known))
    except (_NotPlainError, SyntaxError, ValueError, RecursionError, MemoryError, TypeError):
        return ()


def asserted(command: Check) -> tuple[Asserted, ...]:
    """The asserts of a split test that needs no process; empty for one that does."""
    if not command.split:
        return ()
    return _asserted(command.setup, command.test, command.entry_point)


def _is_harmless(node: ast.stmt, known: set[str]) -> bool:
    """Whether a statement of a setup can be left out: it cannot fail, and nothing plain uses what
    it defines."""
    if not isinstance(node, ast.FunctionDef):
        return _is_skipped(node)
    arguments = node.args
    if node.decorator_list or arguments.defaults or arguments.kw_defaults:
        return False
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, node.returns]
    hints = [each.annotation if isinstance(each, ast.arg) else each for each in every]
    if arguments.vararg or arguments.kwarg:
        return False
    return all(hint is None or _is_harmless_hint(hint, known) for hint in hints)


def _is_harmless_hint(hint: ast.expr, known: set[str]) -> bool:
    """``int``, ``List[int]``, ``Dict[str, Any]``: of builtin types, and what was imported."""
    parts = (ast.Name, ast.Subscript, ast.Tuple, ast.Load, ast.Constant)
    names = {node.id for node in ast.walk(hint) if isinstance(node, ast.Name)}
    subscripted = {
        node.value.id
        for node in ast.walk(hint)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)
    }
    return (
        all(isinstance(node, parts) for node in ast.walk(hint))
        and names <= known | _PLAIN_TYPES
        and subscripted <= known & _IMPORTS["typing"]  # `list[int]` needs CPython 3.9
    )


def _is_skipped(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import):
        return all(alias.name in _IMPORTS and alias.asname is None for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        names = {alias.name for alias in node.names if alias.asname is None}
        return len(names) == len(node.names) and names <= _IMPORTS.get(
            node.module or "", frozenset()
        )
    if isinstance(node, ast.Assign):
        _literal_of(node.value)
        return all(
            isinstance(target, ast.Name) and target.id not in ("check", "abs")
            for target in node.targets
        )
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _only(check: ast.FunctionDef) -> str:
    """The name of the only parameter."""
    arguments = check.args
    others = [*arguments.posonlyargs, *arguments.kwonlyargs, *arguments.defaults]
    if len(arguments.args) != 1 or others or arguments.vararg or arguments.kwarg:
        raise _NotPlainError
    if check.decorator_list or arguments.args[0].annotation or check.returns:
        raise _NotPlainError
    return arguments.args[0].arg


def _of_statements(
    body: Sequence[ast.stmt],
    candidate: str | None,
    entry_point: str,
    function: str,
    known: set[str],
) -> Iterator[Asserted]:
    """Asserts on calls of `candidate`, which is `entry_point`; if None, of any other name."""
    taken = {target.id for node in body for target in _targets(node)} | known
    for node in body:
        if not isinstance(node, ast.Assert):
            if not _is_skipped(node):
                raise _NotPlainError
            continue
        if isinstance(node.test, ast.Constant) and node.test.value:
            continue
        if node.test.lineno != node.lineno:
            raise _NotPlainError  # which line fails depends on the interpreter
        call, holds = _comparison(node.test, "abs" in taken | {candidate, entry_point})
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if candidate is None:
            if not name or name in taken or hasattr(builtins, name) or name.startswith("__"):
                raise _NotPlainError
        elif name != candidate or name in taken - known:
            raise _NotPlainError
        message = "" if node.msg is None else str(_literal_of(node.msg))
        yield Asserted(
            name if candidate is None else entry_point,
            tuple(_literal_of(item) for item in call.args),
            {str(_name(item)): _literal_of(item.value) for item in call.keywords},
            holds,
            function,
            node,
            message,
        )


def _targets(node: ast.stmt) -> Iterator[ast.Name]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner
        if isinstance(inner, ast.alias):
            yield ast.Name((inner.asname or inner.name).split(".")[0])


def _name(keyword: ast.keyword) -> str:
    if keyword.arg is None:
        raise _NotPlainError
    return keyword.arg


def _comparison(test: ast.expr, own_abs: bool) -> tuple[ast.Call, _Holds]:
    """The call in an assert, and what must hold of its value. `own_abs` says that `abs` may not
    be the builtin."""
    if isinstance(test, ast.Call):
        return test, bool
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        if isinstance(test.operand, ast.Call):
            return test.operand, operator.not_
    elif isinstance(test, ast.Compare) and len(test.ops) == 1 and type(test.ops[0]) in _COMPARISONS:
        compare = _COMPARISONS[type(test.ops[0])]
        left, right = test.left, test.comparators[0]
        if _is_distance(left) and not own_abs:
            return _near(left, compare, _literal_of(right))
        if isinstance(left, ast.Call):
            literal = _literal(right, compare)
            return left, lambda value: bool(compare(value, literal))
        if isinstance(right, ast.Call):
            literal = _literal(left, compare)
            return right, lambda value: bool(compare(literal, value))
    raise _NotPlainError


def _literal(node: ast.expr, compare: Callable[[Any, Any], Any]) -> Any:
    literal = _literal_of(node)
    if compare in (operator.is_, operator.is_not) and literal not in (None, True, False):
        raise _NotPlainError  # which objects are one is the interpreter's business
    return literal


def _literal_of(node: ast.expr) -> Any:
    if any(isinstance(part, ast.Constant) and part.value is ... for part in ast.walk(node)):
        raise _NotPlainError  # it does not travel
    return ast.literal_eval(node)


def _is_distance(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "abs"
        and len(node.args) == 1
        and not node.keywords
        and isinstance(node.args[0], ast.BinOp)
        and isinstance(node.args[0].op, ast.Sub)
    )


def _near(node: Any, compare: Callable[[Any, Any], Any], most: Any) -> tuple[ast.Call, _Holds]:
    """``abs(f(x) - 2.5) < 1e-6``, of numbers."""
    call, literal = node.args[0].left, _literal_of(node.args[0].right)
    if not isinstance(call, ast.Call) or type(literal) not in (int, float):
        raise _NotPlainError

    def holds(value: Any) -> bool:
        if type(value) not in (int, float):
            raise TypeError
        return bool(compare(abs(value - literal), most))

    return call, holds


def shortcut(command: Command) -> tuple[Command, tuple[Asserted, ...]]:
    """What to run in place of a command, and the asserts that then decide; the command itself and
    none where there is no shorter way."""
    asserts = asserted(command) if isinstance(command, Check) else ()
    if asserts and isinstance(command, Check):
        return calls_of(command, asserts), asserts
    return command, ()


def calls_of(command: Check, asserts: Sequence[Asserted]) -> Calls:
    """The calls that tell how the asserts go."""
    return Calls(
        program=command.program,
        calls=tuple((each.entry_point, each.args, each.kwargs) for each in asserts),
        quick_seconds=_QUICK_SECONDS,
        find_once=command.entry_point is not None,
        prelude=command.prelude,
        coverage=command.coverage,
    )


def decided(asserts: Sequence[Asserted], execution: Execution) -> Execution | None:
    """What the test would have come to, from an execution of `calls_of`; None if only the test
    itself can tell."""
    if execution.limit_hit is not None or execution.signal is not None:
        return None
    values = execution.values
    if values is None:
        # It did not compile, or its top level failed; or the process said nothing that is plain.
        told = execution.stage is Stage.COMPILE or execution.trace is not None
        return execution if told else None
    try:
        failed = next(
            (each for each, value in zip(asserts, values, strict=False) if not each.holds(value)),
            None,
        )
    except Exception:
        return None  # comparisons that make no sense: the test is to raise that
    if failed is not None:
        return replace(
            execution, stage=Stage.FAILED, trace=None, missing=None, test_trace=failed.failure()
        )
    if execution.trace is not None:
        trace = execution.trace
        odd = trace.is_a("StopIteration") or not trace.is_a("Exception") or not trace.frames
        return None if odd else execution
    if execution.missing is not None:
        return execution
    return replace(execution, stage=Stage.PASSED) if len(values) == len(asserts) else None
