"""Every sample with every member replaced or removed: a problem or a ProblemError, no traceback."""

from __future__ import annotations

import contextlib
import copy
import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from codefeedback.errors import ProblemError
from codefeedback.loading import load_problem, to_native

from .format_samples import SAMPLES

GONE = object()
JUNK: list[Any] = [
    GONE,
    None,
    True,
    3,
    -1.5,
    float("inf"),
    float("nan"),
    10**400,
    "",
    "[1",
    "1\n2",
    "\ud800\0",
    [],
    [None],
    [[1]],
    {},
    {"1": 2},
    {"$int": 5},
    {"$range": [1, 2, 0]},
    {"$date": 3},
    {"$dict": [[{}, 1]]},
    {"$fraction": ["1", "0"]},
    {"$decimal": "x"},
    {"$complex": ["a", 1]},
    {"$timedelta": [10**30, 0, 0]},
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))


def mutated(data: Any, path: tuple[Any, ...], junk: Any) -> Any:
    data = copy.deepcopy(data)
    target = data
    for key in path[:-1]:
        target = target[key]
    if junk is GONE:
        del target[path[-1]]
    else:
        target[path[-1]] = junk
    return data


def opened(value: Any) -> Any:
    """The data with JSON inside texts decoded, so that mutations reach it."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        with contextlib.suppress(ValueError):
            return opened(json.loads(value))
    if isinstance(value, dict):
        return {key: opened(item) for key, item in value.items()}
    return [opened(item) for item in value] if isinstance(value, list) else value


def check(data: Any, tests_format: str | None) -> None:
    try:
        problem = load_problem(data, tests_format=tests_format, allow_pickle=True)
    except ProblemError:
        return
    native = json.dumps(to_native(problem))
    assert json.dumps(to_native(load_problem(json.loads(native)))) == native


@pytest.mark.parametrize(
    ("kind", "name", "data"), SAMPLES, ids=[f"{kind}-{name}" for kind, name, _ in SAMPLES]
)
def test_mutations(kind: str, name: str, data: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for base in (data, opened(data)):
            for path in places(base):
                for junk in JUNK:
                    wrong = mutated(base, path, junk)
                    check(wrong, None)
                    check(wrong, kind)
