"""Programs with one fault at a known line: changes of one place in a correct program."""

from __future__ import annotations

import ast
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from codefeedback.spans import Source

_ARITHMETIC: dict[type[ast.operator], tuple[str, tuple[str, ...]]] = {
    ast.Add: ("+", ("-",)),
    ast.Sub: ("-", ("+",)),
    ast.Mult: ("*", ("+", "//")),
    ast.Div: ("/", ("//", "*")),
    ast.FloorDiv: ("//", ("/", "*")),
    ast.Mod: ("%", ("//",)),
    ast.Pow: ("**", ("*",)),
}
_COMPARISONS: dict[type[ast.cmpop], tuple[str, tuple[str, ...]]] = {
    ast.Lt: ("<", ("<=", ">")),
    ast.LtE: ("<=", ("<", ">=")),
    ast.Gt: (">", (">=", "<")),
    ast.GtE: (">=", (">", "<=")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: ("not in", ("in",)),
}
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Mutant:
    """A program, the only line of it that was changed, and by what kind of change."""

    text: str
    line: int
    kind: str


def mutants(text: str, seed: str, by_line: bool) -> list[Mutant]:
    """All mutants of a program that compile, each once, in an order that the seed decides.

    With `by_line` each line has one in turn, as far as they go; without, lines with more places to
    change have more.
    """
    source, found = Source(text), dict[str, Mutant]()
    for start, end, new, kind in _changes(ast.parse(text), source):
        changed = text[:start] + new + text[end:]
        line = source.position(start).line
        one_line = "\n" not in text[start:end] and "\n" not in new
        if one_line and changed != text and _compiles(changed):
            found.setdefault(changed, Mutant(changed, line, kind))
    shuffled = list(found.values())
    random.Random(seed).shuffle(shuffled)
    if not by_line:
        return shuffled
    before = Counter[int]()
    turns = []
    for mutant in shuffled:
        turns.append(before[mutant.line])
        before[mutant.line] += 1
    return [shuffled[at] for at in sorted(range(len(shuffled)), key=turns.__getitem__)]


def code_sizes(text: str) -> Counter[int]:
    """How many names, constants and operators start on each line."""
    places = (ast.Name, ast.Attribute, ast.Constant, ast.BinOp, ast.BoolOp, ast.UnaryOp)
    kinds = (*places, ast.Compare, ast.AugAssign)
    return Counter(node.lineno for node in ast.walk(ast.parse(text)) if isinstance(node, kinds))


def _compiles(text: str) -> bool:
    try:
        compile(text, "mutant", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


_Change = tuple[int, int, str, str]


def _changes(tree: ast.Module, source: Source) -> Iterator[_Change]:
    """(start, end, the new text, kind of change)."""
    for node in _walk(tree):
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            old, news = _ARITHMETIC[type(node.op)]
            yield from _swapped(source, node.left, node.right, old, news, "arithmetic")
        elif isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for left, op, right in zip(sides, node.ops, sides[1:], strict=False):
                if type(op) in _COMPARISONS:
                    old, news = _COMPARISONS[type(op)]
                    yield from _swapped(source, left, right, old, news, "comparison")
        elif isinstance(node, ast.BoolOp):
            old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            for left, right in zip(node.values, node.values[1:], strict=False):
                yield from _swapped(source, left, right, old, (new,), "and / or")
        elif isinstance(node, ast.AugAssign) and type(node.op) in _ARITHMETIC:
            old, news = _ARITHMETIC[type(node.op)]
            together = tuple(f"{new}=" for new in news)
            yield from _swapped(source, node.target, node.value, f"{old}=", together, "arithmetic")
        elif isinstance(node, ast.expr):
            yield from _of_expression(node, source)
        elif isinstance(node, ast.If | ast.While):
            start, end = _place(node.test, source)
            yield start, end, f"not ({source.text[start:end]})", "negated condition"
        elif isinstance(node, ast.Return) and node.value is not None:
            yield (*_place(node.value, source), "None", "return value")
    yield from _of_names(tree, source)


def _of_expression(node: ast.expr, source: Source) -> Iterator[_Change]:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield (*_place(node, source), str(not node.value), "True / False")
        elif isinstance(node.value, int):
            for new in (node.value + 1, node.value - 1):
                yield (*_place(node, source), str(new), "constant")
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        start, _ = _place(node, source)
        yield start, _place(node.operand, source)[0], "", "not removed"
    elif isinstance(node, ast.Call) and node.args and ast.unparse(node.func) == "range":
        start, end = _place(node.args[-1 if len(node.args) < 3 else 1], source)
        for change in ("+ 1", "- 1"):
            yield start, end, f"({source.text[start:end]}) {change}", "range bound"


def _of_names(tree: ast.Module, source: Source) -> Iterator[_Change]:
    """A variable of a function in place of another one of it."""
    for function in _walk(tree):
        if not isinstance(function, _Function):
            continue
        names = [node for node in _walk(function) if isinstance(node, ast.Name)]
        own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        own |= {argument.arg for argument in function.args.args}
        for node in names:
            if node.id in own and isinstance(node.ctx, ast.Load):
                for other in sorted(own - {node.id}):
                    yield (*_place(node, source), other, "variable")


def _walk(tree: ast.AST) -> Iterator[ast.AST]:
    """Without f-strings, in which places are not told by every CPython."""
    yield tree
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.JoinedStr):
            yield from _walk(node)


def _place(node: ast.expr, source: Source) -> tuple[int, int]:
    assert node.end_lineno is not None and node.end_col_offset is not None
    return (
        source.offset_of_utf8(node.lineno, node.col_offset),
        source.offset_of_utf8(node.end_lineno, node.end_col_offset),
    )


def _swapped(
    source: Source, left: ast.expr, right: ast.expr, old: str, news: tuple[str, ...], kind: str
) -> Iterator[_Change]:
    """Another operator between two operands."""
    start, end = _place(left, source)[1], _place(right, source)[0]
    between = source.text[start:end]
    at = re.search(re.escape(old) if " " not in old else r"not\s+in", between)
    if at is not None and "#" not in between:
        for new in news:
            yield start + at.start(), start + at.end(), new, kind
