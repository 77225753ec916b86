"""What a format is: a name, a test of structure, and a loader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codefeedback.problems import Problem

from .fields import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a loader may need beside the data.

    `allow_pickle` permits the reading of pickled strings (nothing is executed), `folder` is where
    relative paths in a tests file start.
    """

    allow_pickle: bool = False
    folder: Path = Path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One row of the registry.

    `detect` looks at decoded JSON of any kind and never raises; `load` raises ProblemError, whose
    `where` names the place in the data.
    """

    name: str
    detect: Callable[[Any], bool]
    load: Callable[[Node, Options], Problem]


def has_keys(data: object, *keys: str) -> bool:
    """Whether `data` is an object with all these keys."""
    return isinstance(data, dict) and all(key in data for key in keys)


def is_python(language: str) -> bool:
    """Whether a language's name in a tests file means Python 3."""
    return language.strip().lower().replace(" ", "") in ("", "python", "python3", "py", "pypy3")
