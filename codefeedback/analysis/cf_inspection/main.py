"""The guest's side of an inspection: a text in, what was found in it out, both as JSON."""

from __future__ import annotations

import ast
import codeop
import gc
import json
import os
import re
import sys
from typing import Any

import libcst

from . import checks, flakes, structure

# Deep enough for programs of people; a text that is nested deeper is not inspected.
_FRAMES = 4000
_LAST_WORD = re.compile(r"\S+\s*\Z")


def main() -> None:
    """`answer` for standard input, in a process that ends with it."""
    gc.disable()  # the process is gone before it would pay
    sys.stdout.buffer.write(answer(sys.stdin.buffer.read()))
    sys.stdout.flush()
    os._exit(0)  # an orderly end would take longer than all the rest


def answer(question: bytes) -> bytes:
    """What `inspect` says, of {"text", "prelude"}."""
    request = json.loads(question)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(_FRAMES)
    try:
        return json.dumps(inspect(request["text"], request["prelude"])).encode("ascii")
    finally:
        sys.setrecursionlimit(limit)


def inspect(text: str, prelude: str) -> dict[str, Any]:
    """What can be said of a program from its text.

    syntax      what the compiler says against it: type, message, line, offset, ... or None
    messages    [origin, kind, message, place]; `prelude` is code that defines names for it
    statements  see `structure.statements`; None where libcst cannot read the text
    executable  the lines that have code; None where it does not compile

    A place is [line, column, end line, end column], lines from 1, columns from 0: code points for
    libcst's, UTF-8 bytes for pyflakes'.
    """
    syntax, executable, tree = _compiled(text)
    messages = [] if tree is None else flakes.messages(tree, prelude)
    statements = None
    try:
        module = libcst.parse_module(text)
        places = structure.Places(module)
        statements = structure.statements(module, places)
        messages += checks.messages(module, places)
    except (libcst.ParserSyntaxError, UnicodeError):
        pass  # the compiler has said so, or it is newer than libcst
    return {
        "syntax": syntax,
        "messages": messages,
        "statements": statements,
        "executable": executable,
    }


def _compiled(text: str) -> tuple[dict[str, Any] | None, list[int] | None, ast.Module | None]:
    """What the compiler says against a text; else its executable lines and its tree."""
    try:
        tree = ast.parse(text, "solution.py")
        code = compile(text, "solution.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        return _described(error, text), None, None
    return None, sorted(structure.lines_of(code)), tree


def _can_go_on(text: str) -> bool:
    """As guest/columns.py finds out for a text that is run."""
    for each in (text, _LAST_WORD.sub("", text)):
        try:
            if codeop.compile_command(each, "<twin>", "exec") is None:
                return True
        except (SyntaxError, ValueError, OverflowError):
            pass
    return False


def _described(error: Exception, text: str) -> dict[str, Any]:
    """As a guest describes an exception (guest/capture.py)."""
    bases = [base.__name__ for base in type(error).__mro__ if base is not object]
    described: dict[str, Any] = {
        "type": type(error).__name__,
        "bases": bases,
        "message": str(error),
        "syntax": {},
    }
    if isinstance(error, SyntaxError):
        described["message"] = error.msg
        described["syntax"] = {"line": error.lineno}
        if "was never closed" in error.msg:
            described["syntax"]["can_go_on"] = _can_go_on(text)
        if text.isascii():  # else its unit is not sure: guest/columns.py
            described["syntax"].update(
                offset=error.offset, end_line=error.end_lineno, end_offset=error.end_offset
            )
    return described


# What is done for the first time takes longer: here it is done for all guests that are forked.
inspect("import os\n\n\ndef f(x=1):\n    for y in x:\n        return (y, x)\n", "import os\n")
