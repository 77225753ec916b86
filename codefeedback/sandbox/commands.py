"""From a case to the command that runs it: everything but the answers."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from codefeedback.problems import CallCase, Case, Problem, StdinCase
from codefeedback.sandbox.interface import Call, Check, Command, Script
from codefeedback.spans import Source

# Test code that needs the program in its own process: it patches or inspects it, drives its
# coroutines, shares its standard streams, or makes objects of classes of its own. Decided by the
# test's text alone, so that no program can ask for the weaker way.
_TOGETHER = re.compile(
    r"^[ \t]*(?:from|import)[ \t]+[^#\n]*"
    r"\b(?:unittest|pytest|mock|asyncio|inspect|importlib|dataclasses|types|pickle)\b"
    r"|^[ \t]*(?:class|async|await|match)[ \t]"
    r"|\bnamedtuple\(|\bredirect_std|\bsys\.std(?:in|out|err)\b|\bbuiltins\.|\brandom\.seed\b"
    r"|\bglobals\(\)|__dict__|__class__|monkeypatch",
    re.MULTILINE,
)
_NAME = re.compile(r"[A-Za-z_]\w*")


@lru_cache(maxsize=4096)  # a batch has many programs per test
def _together(setup: str, test: str) -> bool:
    """Whether the test and what it uses of its setup need the program in one process."""
    used = _used_setup(setup, test)
    return bool(_TOGETHER.search(test) or any(_TOGETHER.search(part) for part in used))


def _used_setup(setup: str, test: str) -> list[str]:
    """The definitions of the setup that the test reaches, and all else that the setup does.

    A setup often defines classes (LeetCode's ListNode) that most tests never touch.
    """
    try:
        body = ast.parse(setup).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []  # it fails when it runs, and is reported then
    parts, definitions = [], {}
    for node in body:
        text = ast.unparse(node)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            definitions[node.name] = text
        else:
            parts.append(text)
    waiting = [test, *parts]
    while waiting:
        for name in _NAME.findall(waiting.pop()):
            if name in definitions:
                waiting.append(definitions.pop(name))
                parts.append(waiting[-1])
    return parts


def command_for(case: Case, problem: Problem, program: Source) -> Command:
    """The command that runs `program` for one case of `problem`."""
    if isinstance(case, StdinCase):
        # No prelude: a program that is run as a whole brings its own imports.
        return Script(program=program, stdin=case.stdin.encode("utf-8", "surrogatepass"))
    if isinstance(case, CallCase):
        return Call(
            program=program,
            entry_point=case.entry_point,
            args=case.args,
            kwargs=case.kwargs,
            prelude=problem.prelude,
        )
    return Check(
        program=program,
        test=case.test,
        setup=case.setup,
        entry_point=case.entry_point,
        prelude=problem.prelude,
        split=not _together(case.setup, case.test),
    )
