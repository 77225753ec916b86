"""What pyflakes says of a program, with the whole place that each message is about."""

from __future__ import annotations

import ast
import warnings
from typing import Any

from pyflakes import checker
from pyflakes import messages as kinds

# Names that every program finds without defining them.
_GIVEN = {"__file__", "__name__", "exit", "quit", "copyright", "credits", "license", "help"}
# With these a program can define names that nobody sees.
_DEFINING = {"exec", "globals", "locals", "vars"}


class _Checker(checker.Checker):
    """pyflakes' own, which keeps only the start of the place that a message is about."""

    def report(self, messageClass: Any, *args: Any, **kwargs: Any) -> None:
        message = messageClass(self.filename, *args, **kwargs)
        end_line = getattr(args[0], "end_lineno", None)
        # Of a function that is said to hide another one, the first line is the place.
        known = end_line == message.lineno
        message.end = (end_line, args[0].end_col_offset) if known else (None, None)
        self.messages.append(message)


def messages(tree: ast.Module, prelude: str) -> list[list[Any]]:
    """[origin, kind, message, place] for each, in order of place; columns are UTF-8 bytes."""
    names, any_name = _defined(prelude)
    any_name |= any(isinstance(node, ast.Name) and node.id in _DEFINING for node in ast.walk(tree))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = _Checker(tree, "solution.py", builtins=_GIVEN | names).messages
    return [
        ["flakes", type(message).__name__, _worded(message), _place(message)]
        for message in sorted(found, key=lambda message: (message.lineno, message.col))
        if not (any_name and isinstance(message, kinds.UndefinedName))
    ]


def _worded(message: kinds.Message) -> str:
    text: str = message.message % message.message_args
    return text


def _place(message: Any) -> list[int | None]:
    end_line, end_column = message.end
    return [message.lineno, message.col, end_line, end_column]


def _defined(prelude: str) -> tuple[set[str], bool]:
    """The names that a prelude defines, and whether it may define any others."""
    try:
        nodes = list(ast.walk(ast.parse(prelude)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(), True
    names = {
        (alias.asname or alias.name).split(".")[0]
        for node in nodes
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names |= {node.name for node in nodes if isinstance(node, defined)}
    names |= {
        node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return names, "*" in names
