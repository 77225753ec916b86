"""From a case to the command that runs it: everything but the answers."""

from __future__ import annotations

import re

from codefeedback.problems import CallCase, Case, Problem, StdinCase
from codefeedback.sandbox.interface import Call, Check, Command, Script
from codefeedback.spans import Source

# Test code that needs the program in its own process: it patches or inspects it, drives its
# coroutines, shares its standard streams, or makes objects of classes of its own. Decided by the
# test's text alone, so that no program can ask for the weaker way.
_TOGETHER = re.compile(
    r"^[ \t]*(?:from|import)[ \t]+[^#\n]*"
    r"\b(?:unittest|pytest|mock|asyncio|inspect|importlib|dataclasses|types|pickle)\b"
    r"|^[ \t]*class[ \t]"
    r"|^[ \t]*(?:async|await|match)[ \t]"
    r"|\bnamedtuple\(|\bredirect_std|\bsys\.std(?:in|out|err)\b|\bbuiltins\.|\brandom\.seed\b"
    r"|\bglobals\(\)|__dict__|__class__|monkeypatch",
    re.MULTILINE,
)


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
        split=not _TOGETHER.search(case.setup + "\n" + case.test),
    )
