"""HumanEval: ``{"task_id", "prompt", "test", "entry_point", "canonical_solution"?}``."""

from __future__ import annotations

import ast
import warnings
from typing import Any

from codefeedback.problems import CheckCase, Problem

from ..fields import Node
from ..format import Format, Options, has_keys

# What completes a prompt that ends with a function's first line and has no docstring.
_BODIES = ("", "\n    pass\n", "\n\tpass\n", "\n        pass\n")


def detect(data: Any) -> bool:
    return (
        has_keys(data, "prompt", "test", "entry_point")
        and not has_keys(data, "base_input")
        and isinstance(data["test"], str)
    )


def load(node: Node, options: Options) -> Problem:
    prompt = node.need("prompt")
    solution = node.optional_text("canonical_solution")
    case = CheckCase(
        name="check",
        test=node.need("test").text(),
        entry_point=node.need("entry_point").entry_point(),
        setup=_completed(prompt),
    )
    return Problem(
        cases=(case,),
        prompt=prompt.text(),
        reference=prompt.text() + solution if solution else None,
        format="humaneval",
    )


def _completed(prompt: Node) -> str:
    """The prompt as a program of its own: with a body where its last function has none."""
    place = ""
    for body in _BODIES:
        program = prompt.text() + body
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # invalid escapes in docstrings
                ast.parse(program)
        except SyntaxError as error:
            place = place or f" (line {error.lineno})"
        except ValueError:  # a NUL character
            continue
        else:
            return program
    raise prompt.error(f"does not compile as Python, with or without a body{place}")


FORMAT = Format(name="humaneval", detect=detect, load=load)
