"""What libcst shows to be wrong, or most likely so. Each check names its kind and its message."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence
from typing import Any

import libcst as cst

from .structure import Places

_LEAVING = (cst.Return, cst.Raise, cst.Break, cst.Continue)
_LOOPS = (cst.For, cst.While)
_FUNCTIONS = (cst.FunctionDef, cst.ClassDef, cst.Lambda)
# `append` while a list is iterated over is well defined: it is how queues are worked off.
_RESIZING = {"insert", "remove", "pop", "clear", "discard", "popitem"}
# Their methods of the same names raise when nothing is left, or end the process.
_RAISING_METHODS = {"pop", "popleft", "popitem", "remove", "index", "get_nowait", "heappop"}
_RAISING_METHODS |= {"__next__", "send", "throw", "exit", "_exit", "abort"}
_ENDING_CALLS = {"exit", "quit", "sys.exit", "os._exit", "os.abort"}
_IDLE = (cst.Comparison, cst.BinaryOperation, cst.BooleanOperation, cst.Name, cst.Attribute)
_MUTABLE = (cst.List, cst.Dict, cst.Set, cst.ListComp, cst.DictComp, cst.SetComp)
_MUTABLE_CALLS = {"list", "dict", "set", "defaultdict", "deque", "Counter"}


def messages(module: cst.Module, places: Places) -> list[list[Any]]:
    """[origin, kind, message, place] for each, in order of place; columns are code points."""
    visitor = _Visitor(places)
    module.visit(visitor)
    return sorted(visitor.found, key=lambda row: (row[3], row[1]))


class _Visitor(cst.CSTVisitor):
    def __init__(self, places: Places) -> None:
        super().__init__()
        self._places = places
        self._tries = 0  #: how many `try` are around: what raises in one may be meant to
        #: the functions and classes around, outermost first
        self._around: list[cst.ClassDef | cst.FunctionDef] = []
        self.found: list[list[Any]] = []

    def _say(self, kind: str, message: str, place: Sequence[int]) -> None:
        self.found.append(["cst", kind, message, list(place)])

    def visit_Try(self, node: cst.Try) -> None:
        self._tries += 1

    def leave_Try(self, original_node: cst.Try) -> None:
        self._tries -= 1

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._around.append(node)

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:
        self._around.pop()

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:
        self._around.pop()

    def _is_in_class(self) -> bool:
        return bool(self._around) and isinstance(self._around[-1], cst.ClassDef)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        is_method = self._is_in_class()
        self._around.append(node)
        body = _statements(node.body)
        for default in _defaults(node.params):
            if isinstance(default, _MUTABLE) or _called(default) in _MUTABLE_CALLS:
                text = "the default value is made once, and every call changes the same one"
                self._say("MutableDefault", text, self._places.whole(default))
        if _is_stub(body, node.decorators) and not self._tries:
            text = f"{node.name.value} has no body yet"
            kind = "StubMethod" if is_method else "StubBody"
            self._say(kind, text, self._places.whole(_without_docstring(body)[-1]))
        elif _returns_a_value(body) and not _yields(body) and not _leaves(body):
            text = f"{node.name.value} returns a value on some paths, and nothing at its end"
            self._say("MissingReturn", text, self._places.own(body[-1]))

    def visit_While(self, node: cst.While) -> None:
        body = _statements(node.body)
        if _is_always_true(node.test) and not self._tries and not _can_end(body):
            self._say("LoopNeverEnds", "nothing ends this loop", self._places.own(node))

    def visit_For(self, node: cst.For) -> None:
        if not isinstance(node.iter, cst.Name):
            return
        name = node.iter.value
        if any(_name(target.target) == name for target in _own_nodes([node], cst.AssignTarget)):
            return  # it may be another one by then
        for call in _own_nodes(_statements(node.body), cst.Call):
            function = call.func
            if (
                isinstance(function, cst.Attribute)
                and isinstance(function.value, cst.Name)
                and function.value.value == name
                and function.attr.value in _RESIZING
                and not _is_left_after(call, node)
            ):
                text = f"{name} changes its size while it is iterated over"
                self._say("ResizedWhileIterated", text, self._places.whole(call))

    def visit_ExceptHandler(self, node: cst.ExceptHandler) -> None:
        body = _statements(node.body)
        broad = node.type is None or _name(node.type) in ("Exception", "BaseException")
        if broad and all(isinstance(each, cst.Pass) or _is_constant(each) for each in body):
            text = "any exception is passed over in silence"
            self._say("SwallowedException", text, self._places.own(node))

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> None:
        self._check_suite(_statements(node))

    def visit_Module(self, node: cst.Module) -> None:
        self._check_suite(_flat(node.body))

    def _check_suite(self, body: list[cst.CSTNode]) -> None:
        for number, statement in enumerate(body):
            rest = body[number + 1 :]
            # A `yield` that is never reached makes a generator.
            if _ends_path(statement) and rest and not _yields(rest):
                start = self._places.whole(body[number + 1])[:2]
                place = [*start, *self._places.whole(body[-1])[2:]]
                self._say("UnreachableCode", "this is never reached", place)
                break
        for statement in body:
            if isinstance(statement, cst.Expr) and self._is_idle(statement.value):
                text = "this computes something, and nothing is done with it"
                self._say("UselessExpression", text, self._places.whole(statement))

    def _is_idle(self, value: cst.BaseExpression) -> bool:
        """Whether to compute a value has no effect, not even one that is waited for."""
        if not isinstance(value, _IDLE) or _has_effects(value):
            return False
        return not (self._tries and isinstance(value, (cst.Name, cst.Attribute)))

    def visit_Comparison(self, node: cst.Comparison) -> None:
        if len(node.comparisons) == 1:
            operator, right = node.comparisons[0].operator, node.comparisons[0].comparator
            if isinstance(operator, cst.NotEqual):
                return  # how a NaN is told
            if _is_plain(node.left) and node.left.deep_equals(right):
                self._say("SelfComparison", "both sides are the same", self._places.whole(node))

    def visit_Assign(self, node: cst.Assign) -> None:
        target = node.targets[0].target
        if len(node.targets) > 1 or self._is_in_class():
            return
        if _is_plain(target) and target.deep_equals(node.value):
            text = "this is assigned to itself"
            self._say("SelfAssignment", text, self._places.whole(node))

    def visit_If(self, node: cst.If) -> None:
        if isinstance(node.orelse, cst.Else):
            one, other = _statements(node.body), _statements(node.orelse.body)
            if len(one) == len(other) and all(
                a.deep_equals(b) for a, b in zip(one, other, strict=True)
            ):
                self._say("SameBranches", "if and else do the same", self._places.own(node))


def _is_plain(node: cst.CSTNode) -> bool:
    """A variable, or a part of one that is the same each time."""
    return isinstance(node, (cst.Name, cst.Attribute, cst.Subscript)) and not _has_effects(node)


def _has_effects(node: cst.CSTNode) -> bool:
    effects = (cst.Call, cst.Await, cst.Yield, cst.NamedExpr)
    return next(_own_nodes([node], effects), None) is not None


def _flat(nodes: Sequence[cst.CSTNode]) -> list[cst.CSTNode]:
    """Statements, those that share a line each by itself."""
    return [
        each
        for node in nodes
        for each in (node.body if isinstance(node, cst.SimpleStatementLine) else [node])
    ]


def _statements(body: cst.BaseSuite) -> list[cst.CSTNode]:
    return _flat(body.body)


def _own_nodes(nodes: Sequence[cst.CSTNode], kind: Any) -> Iterator[Any]:
    """All nodes of a kind below `nodes`, but not in functions and classes defined there."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, kind):
            yield node
        if not isinstance(node, _FUNCTIONS):
            waiting.extend(node.children)


def _name(node: cst.CSTNode) -> str:
    return node.value if isinstance(node, cst.Name) else ""


def _called(node: cst.CSTNode) -> str:
    """The last name of what is called here."""
    return _last_name(node.func) if isinstance(node, cst.Call) else ""


def _last_name(node: cst.CSTNode) -> str:
    return _name(node.attr if isinstance(node, cst.Attribute) else node)


def _dotted(node: cst.CSTNode) -> str:
    """``sys.exit``, ``exit``; empty for what is no name."""
    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value)}.{node.attr.value}"
    return _name(node)


def _defaults(params: cst.Parameters) -> Iterator[cst.BaseExpression]:
    for param in (*params.posonly_params, *params.params, *params.kwonly_params):
        if param.default is not None:
            yield param.default


def _is_constant(node: cst.CSTNode) -> bool:
    constants = (cst.BaseString, cst.Ellipsis, cst.BaseNumber)
    return isinstance(node, cst.Expr) and isinstance(node.value, constants)


def _without_docstring(body: list[cst.CSTNode]) -> list[cst.CSTNode]:
    first = body[0]
    is_text = isinstance(first, cst.Expr) and isinstance(first.value, cst.BaseString)
    return body[1:] or body if is_text else body


def _is_stub(body: list[cst.CSTNode], decorators: Sequence[cst.Decorator]) -> bool:
    """Nothing but ``pass``, constants, and perhaps ``raise NotImplementedError``."""
    if any(_last_name(each.decorator) in ("abstractmethod", "overload") for each in decorators):
        return False
    return all(
        isinstance(node, cst.Pass)
        or _is_constant(node)
        or (
            isinstance(node, cst.Raise)
            and node.exc is not None
            and "NotImplementedError" in (_name(node.exc), _called(node.exc))
        )
        for node in body
    )


def _yields(body: list[cst.CSTNode]) -> bool:
    return next(_own_nodes(body, cst.Yield), None) is not None


def _returns_a_value(body: list[cst.CSTNode]) -> bool:
    return any(
        node.value is not None and _name(node.value) != "None"
        for node in _own_nodes(body, cst.Return)
    )


def _ends_path(node: cst.CSTNode) -> bool:
    """Whether what follows in the suite cannot be reached."""
    return isinstance(node, _LEAVING) or _ends_process(node)


def _ends_process(node: cst.CSTNode) -> bool:
    return (
        isinstance(node, cst.Expr)
        and isinstance(node.value, cst.Call)
        and _dotted(node.value.func) in _ENDING_CALLS
    )


def _leaves(body: list[cst.CSTNode]) -> bool:
    """Whether no path through a function's suite comes to its end (in doubt: yes)."""
    last = body[-1]
    if isinstance(last, (cst.Return, cst.Raise)) or _ends_process(last):
        return True
    if isinstance(last, cst.If):
        return last.orelse is not None and all(map(_leaves, _branches(last)))
    if isinstance(last, cst.While) and _is_always_true(last.test):
        return True
    if isinstance(last, (cst.For, cst.While)):
        return last.orelse is not None and _leaves(_statements(last.orelse.body))
    # Whether an exception, a context or a pattern leaves something over cannot be told.
    return isinstance(last, (cst.Try, cst.TryStar, cst.With, cst.Match, cst.Assert))


def _branches(node: cst.If) -> Iterator[list[cst.CSTNode]]:
    yield _statements(node.body)
    if isinstance(node.orelse, cst.If):
        yield from _branches(node.orelse)
        if node.orelse.orelse is None:
            yield [cst.Pass()]
    elif node.orelse is not None:
        yield _statements(node.orelse.body)


def _is_always_true(test: cst.BaseExpression) -> bool:
    return _name(test) == "True" or (isinstance(test, cst.Integer) and test.value != "0")


def _can_end(body: list[cst.CSTNode]) -> bool:
    """Whether something in the suite of a loop may end it (in doubt: yes)."""
    leaving = (cst.Return, cst.Raise, cst.Yield, cst.Await, cst.Assert)
    if next(_own_nodes(body, leaving), None) is not None:
        return True
    if any(_may_raise(call) for call in _own_nodes(body, cst.Call)):
        return True
    return any(_breaks(node) for node in body)


def _may_raise(call: cst.Call) -> bool:
    """Whether a call ends loops: functions of the program's do, for all that can be told."""
    if isinstance(call.func, cst.Attribute):
        return call.func.attr.value in _RAISING_METHODS
    name = _name(call.func)
    return name in ("input", "next", "exit", "quit") or not hasattr(builtins, name)


def _breaks(node: cst.CSTNode) -> bool:
    """Whether there is a ``break`` that is not an inner loop's."""
    if isinstance(node, cst.Break):
        return True
    if isinstance(node, _FUNCTIONS):
        return False
    inner: Any = node.children
    if isinstance(node, _LOOPS):
        inner = [node.orelse] if node.orelse is not None else []
    return any(_breaks(child) for child in inner)


def _is_left_after(call: cst.Call, loop: cst.For) -> bool:
    """Whether the suite that the call stands in leaves the loop."""
    for suite in _own_nodes([loop.body], (cst.IndentedBlock, cst.SimpleStatementSuite)):
        body = _statements(suite)
        for node in body:
            if isinstance(node, (cst.Expr, cst.Assign)) and node.value is call:
                return any(isinstance(each, (cst.Return, cst.Break, cst.Raise)) for each in body)
    return False
