"""A task: what it asks, what the right answer to an input is, and the programs that solve it."""

from __future__ import annotations

import hashlib
from collections.abc import Set
from dataclasses import dataclass
from random import Random
from textwrap import indent

from layouts import LAYOUTS
from parts import Layout, Part, Reducer, Step
from reducers import REDUCERS
from steps import STEPS

HELDOUT_PERCENT = 20  # of the compositions
EMPTY_ANSWER = "-1"
LABEL = "Answer:"

# Lists that tell a task worth asking from one whose answer is nearly always the same.
PROBES = ([7, 0, -4, 3, 12, 3], [-5, -2, -9], [8], [2, 9, 15, 6, -1], [4, 4, 10, -7, 1, 5, 20])
FEWEST_ANSWERS = 3


@dataclass(frozen=True, slots=True)
class Task:
    """Parts, with the number of each step. A labelled task wants LABEL before the answer."""

    layout: Layout
    steps: tuple[tuple[Step, int], ...]
    reducer: Reducer
    labelled: bool

    @property
    def composition(self) -> str:
        return "+".join([*(step.name for step, _ in self.steps), self.reducer.name])

    @property
    def heldout(self) -> bool:
        digest = hashlib.sha1(self.composition.encode()).hexdigest()
        return int(digest, 16) % 100 < HELDOUT_PERCENT

    @property
    def guarded(self) -> bool:
        """Whether a program must see to the empty list."""
        return not self.reducer.empty_allowed and any(step.may_empty for step, _ in self.steps)

    @property
    def numbers(self) -> list[int]:
        """The numbers in its text."""
        return [number for step, number in self.steps if step.has_number]

    @property
    def parts(self) -> list[tuple[Part, int]]:
        return [(self.layout, 0), *self.steps, (self.reducer, 0)]

    def worded(self, random: Random) -> str:
        sentences = [
            random.choice(part.phrases).replace("{c}", str(number)) for part, number in self.parts
        ]
        if self.guarded:
            sentences.append(f"If the list is empty, print {EMPTY_ANSWER}.")
        if self.labelled:
            sentences.append(f'Begin the output with "{LABEL} ".')
        return " ".join(sentences)

    def answer(self, numbers: list[int]) -> str:
        """What a right program prints for these numbers."""
        for step, number in self.steps:
            numbers = step.apply(numbers, number)
        printed = EMPTY_ANSWER if self.guarded and not numbers else self.reducer.apply(numbers)
        return f"{LABEL} {printed}\n" if self.labelled else f"{printed}\n"

    def answers_vary(self, lists: list[list[int]]) -> bool:
        return len({self.answer(numbers) for numbers in lists}) >= FEWEST_ANSWERS

    def habits(self, style: str) -> list[str]:
        """The names of all mistakes that a program in this style may have."""
        names = [part.habit(style) for part, _ in self.parts if part.may_go_wrong(style)]
        return [*names, self.reducer.guard_habit] if self.guarded else names

    def program(self, style: str, mistakes: Set[str] = frozenset()) -> str:
        pieces = [part.written(style, number, mistakes) for part, number in self.parts]
        if self.guarded and self.reducer.guard_habit not in mistakes:
            body = indent(pieces.pop(), "    ")
            pieces.append(f"if a:\n{body}\nelse:\n    print({EMPTY_ANSWER})")
        text = "\n".join(pieces) + "\n"
        return text.replace("print(", f'print("{LABEL}", ') if self.labelled else text


def draw(random: Random) -> Task:
    """Any task whose answers vary; two thirds have two steps."""
    while True:
        steps = random.sample(STEPS, random.choice((1, 2, 2)))
        numbered = tuple((step, random.randint(2, 9)) for step in steps)
        task = Task(
            random.choice(LAYOUTS), numbered, random.choice(REDUCERS), random.random() < 0.5
        )
        if task.answers_vary([*PROBES]):
            return task
