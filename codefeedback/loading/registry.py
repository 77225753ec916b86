"""The formats there are, and which one some data is in.

To add a format: a module in `formats` with a `FORMAT`, and a row here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from codefeedback.errors import ProblemError
from codefeedback.problems import Problem

from .fields import Node, json_type, listing, show, suggestion
from .format import Format, Options
from .formats import (
    apps,
    code_contests,
    evalplus,
    exec_eval,
    humaneval,
    leetcode,
    livecodebench,
    mbpp,
    native,
    open_r1,
    sandboxfusion,
    verl,
)

_FORMATS: dict[str, Format] = {
    item.name: item
    for item in (
        apps.FORMAT,
        code_contests.FORMAT,
        evalplus.FORMAT,
        exec_eval.FORMAT,
        humaneval.FORMAT,
        leetcode.FORMAT,
        livecodebench.FORMAT,
        mbpp.FORMAT,
        native.FORMAT,
        open_r1.FORMAT,
        sandboxfusion.FORMAT,
        verl.FORMAT,
    )
}

#: The names of the formats, sorted.
FORMATS: tuple[str, ...] = tuple(sorted(_FORMATS))

#: The keys that public formats use for a problem's name, the most telling first.
_ID_KEYS = ("task_id", "id", "question_id", "problem_id", "src_uid", "name")


def detect(data: Any) -> str:
    """The name of the format that decoded JSON is in, by its structure alone.

    ProblemError where it is in none, or could be in several.
    """
    found = matches(data)
    if len(found) == 1:
        return found[0]
    if found:
        raise ProblemError(f"could be any of these formats: {', '.join(found)}; name one of them")
    known = f"known formats: {', '.join(FORMATS)}"
    raise ProblemError(f"the format is not recognised: found {_description(data)}; {known}")


def matches(data: Any) -> list[str]:
    """The names of all formats whose structure `data` has."""
    return [name for name in FORMATS if _FORMATS[name].detect(data)]


def _description(data: Any) -> str:
    if isinstance(data, dict):
        return f"an object with the keys {listing(map(str, data))}" if data else "an empty object"
    if isinstance(data, list):
        return f"an array whose first item is {_kind(data[0])}" if data else "an empty array"
    return f"only {_kind(data)}"


def _kind(value: Any) -> str:
    name = json_type(value)
    return name if name == "null" else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def check_name(tests_format: str) -> None:
    """ProblemError if there is no format of that name."""
    if tests_format not in _FORMATS:
        hint = suggestion(tests_format, FORMATS)
        known = ", ".join(FORMATS)
        raise ProblemError(f"unknown tests format {show(tests_format)}{hint}; known: {known}")


def row_id(data: Any) -> str:
    """What a problem is called in its row; empty where the row does not say."""
    if not isinstance(data, dict):
        return ""
    for key in _ID_KEYS:
        value = data.get(key)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "":
            return value if isinstance(value, str) else show(value)
    return ""


def load_data(node: Node, tests_format: str | None, options: Options) -> Problem:
    """The problem that decoded JSON describes. ProblemError without a source."""
    chosen = _FORMATS[tests_format or detect(node.value)]
    problem = chosen.load(node, options)
    return problem if problem.id else replace(problem, id=row_id(node.value))
