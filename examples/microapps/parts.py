"""What the parts of a task are: a layout of the input, steps over a list, and a reducer.

Each part says how a task words it, what it means (`apply`, the reference) and how a program writes
it, rightly and wrongly. A program keeps its list in `a`; `{c}` is the number of a step.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass

LOOP, SHORT = STYLES = ("loop", "short")


@dataclass(frozen=True, slots=True)
class Code:
    """A piece of a program, and the same with its habitual mistake (None: there is none)."""

    right: str
    wrong: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What a layout, a step and a reducer have in common."""

    name: str
    phrases: tuple[str, ...]
    code: dict[str, Code]  # by style

    def habit(self, style: str) -> str:
        return f"{self.name} {style}"

    def may_go_wrong(self, style: str) -> bool:
        return self.code[style].wrong is not None

    def written(self, style: str, number: int, mistakes: Set[str]) -> str:
        code = self.code[style]
        text = code.right
        if code.wrong is not None and self.habit(style) in mistakes:
            text = code.wrong
        return text.replace("{c}", str(number))


@dataclass(frozen=True, slots=True)
class Layout(Part):
    """How the numbers stand in the input."""

    write: Callable[[list[int]], str]


@dataclass(frozen=True, slots=True)
class Step(Part):
    """A list becomes a list. The second argument of `apply` is the number `{c}`."""

    apply: Callable[[list[int], int], list[int]]
    may_empty: bool = False

    @property
    def has_number(self) -> bool:
        return "{c}" in self.phrases[0]


@dataclass(frozen=True, slots=True)
class Reducer(Part):
    """A list becomes what is printed. Some have no answer for an empty list."""

    apply: Callable[[list[int]], str]
    empty_allowed: bool = False

    @property
    def guard_habit(self) -> str:
        return f"{self.name} guard"


def row(numbers: list[int]) -> str:
    return " ".join(map(str, numbers))


def both(right: str, wrong: str | None = None) -> dict[str, Code]:
    """Code that is the same in every style."""
    return dict.fromkeys(STYLES, Code(right, wrong))
