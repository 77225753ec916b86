"""The statements of a program, and where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType
from typing import Any

import libcst
from libcst.metadata import MetadataWrapper, PositionProvider

#: line, column, end line, end column; lines from 1, columns from 0 in code points
Place = list[int]


class Places:
    """Where the nodes of a module stand."""

    def __init__(self, module: libcst.Module) -> None:
        # The tree is ours alone, so that it need not be copied first.
        wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
        self._ranges = wrapper.resolve(PositionProvider)

    def whole(self, node: libcst.CSTNode) -> Place:
        """All of a node."""
        found = self._ranges[node]
        return [found.start.line, found.start.column, found.end.line, found.end.column]

    def own(self, node: libcst.CSTNode) -> Place:
        """What a statement says itself: of a compound one its header, up to the colon."""
        start = self.whole(node)
        colon = _behind_colon(node)
        return start if colon is None else start[:2] + self.whole(colon)[:2]


def _behind_colon(node: libcst.CSTNode) -> libcst.CSTNode | None:
    """The node that begins right behind a header's colon."""
    if isinstance(node, libcst.Match):
        return node.whitespace_after_colon
    body = getattr(node, "body", None)
    if isinstance(body, libcst.IndentedBlock):
        return body.header
    return body.leading_whitespace if isinstance(body, libcst.SimpleStatementSuite) else None


def statements(module: libcst.Module, places: Places) -> list[list[Any]]:
    """[own place, whole place, index of the clause around it or -1, whether it can be silent] for
    every statement. A silent one has no code that could tell whether it ran.

    A clause is a header with its suite: ``else`` and ``except`` are clauses of their own, and the
    whole of an ``if`` ends before its ``else``. A clause comes before what it holds.
    """
    rows: list[list[Any]] = []
    _add(module.body, -1, places, rows)
    return rows


def _add(nodes: Any, clause: int, places: Places, rows: list[list[Any]]) -> None:
    for node in nodes:
        if isinstance(node, libcst.SimpleStatementLine):
            _add(node.body, clause, places, rows)
            continue
        for decorator in getattr(node, "decorators", ()):
            rows.append([places.whole(decorator), places.whole(decorator), clause, False])
        own, suite = places.own(node), _suite(node)
        end = places.whole(suite[-1])[2:] if suite else places.whole(node)[2:]
        rows.append([own, own[:2] + end, clause, _is_silent(node)])
        _add(suite, len(rows) - 1, places, rows)
        _add(_further_clauses(node), clause, places, rows)


def _is_silent(node: libcst.CSTNode) -> bool:
    if isinstance(node, libcst.Expr):
        return isinstance(node.value, (libcst.BaseString, libcst.BaseNumber, libcst.Ellipsis))
    if isinstance(node, libcst.AnnAssign):
        return node.value is None
    # Jumps can be merged with the ones before them.
    jumps = (libcst.Pass, libcst.Break, libcst.Continue)
    return isinstance(node, (libcst.Global, libcst.Nonlocal, *jumps)) or bool(_suite(node))


def _suite(node: libcst.CSTNode) -> list[libcst.CSTNode]:
    """What stands in the suite of a clause."""
    if isinstance(node, libcst.Match):
        return list(node.cases)
    body = getattr(node, "body", None)
    if isinstance(body, (libcst.IndentedBlock, libcst.SimpleStatementSuite)):
        return list(body.body)
    return []


def _further_clauses(node: libcst.CSTNode) -> Iterator[libcst.CSTNode]:
    yield from getattr(node, "handlers", ())
    for name in ("orelse", "finalbody"):
        clause = getattr(node, name, None)
        if isinstance(clause, libcst.CSTNode):
            yield clause


def lines_of(code: CodeType) -> set[int]:
    """The lines that have instructions, those of inner functions included."""
    lines = {line for _, _, line in code.co_lines() if line}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            lines |= lines_of(constant)
    return lines
