"""From a case to the command that runs it: everything but the answers."""

from __future__ import annotations

import re

from codefeedback.problems import CallCase, Case, Problem, StdinCase
from codefeedback.sandbox.interface import Call, Check, Command, Script
from codefeedback.spans import Source

# Test code that needs the program in its own process: it patches it, inspects it, drives its
# coroutines, or is a test class. Decided by the test's text alone, so that no program can ask for
# the weaker way.
_TOGETHER = re.compile(
    r"^[ \t]*(?:from|import)[ \t]+[^#\n]*\b(?:unittest|pytest|mock|asyncio|inspect|importlib)\b",
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
