"""The inputs of a task: boundary values, and lists that catch every habitual mistake."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from types import CodeType

from parts import STYLES
from tasks import Task

FEWEST_CASES = 3  # those of `boundary_lists`
CANDIDATES = 40


def choose_inputs(random: Random, task: Task, count: int) -> list[list[int]] | None:
    """`count` lists that no habitual mistake passes; None if there are none, or all answers alike.

    Some mistakes are none in some tasks: after `x * 3`, `> 4` and `>= 4` are the same.
    """
    chosen = boundary_lists(random, task.numbers)
    mistakes = surviving(task, wrong_programs(task), chosen)
    for _ in range(count - len(chosen)):
        candidates = [random_list(random, task.numbers)]
        if mistakes:
            candidates += [random_list(random, task.numbers) for _ in range(CANDIDATES)]
        best = min(candidates, key=lambda a: len(surviving(task, mistakes, [a])))
        mistakes = surviving(task, mistakes, [best])
        chosen.append(best)
    return chosen if not mistakes and task.answers_vary(chosen) else None


def boundary_lists(random: Random, numbers: list[int]) -> list[list[int]]:
    """One number; negative numbers only; and the task's own numbers, zero and a duplicate."""
    single = [random.choice([*numbers, 0, 1])]
    negative = [random.randint(-9, -1) for _ in range(4)]
    mixed = [*numbers, 0, *(random.randint(-9, 20) for _ in range(4 - len(numbers)))]
    negative.append(random.choice(negative))
    mixed.append(random.choice(mixed))
    random.shuffle(mixed)
    return [single, mixed, negative]


def random_list(random: Random, numbers: list[int]) -> list[int]:
    often = [0, 1, *numbers]
    length = random.choice((1, 2, 5, 6, 7, 8))
    return [
        random.choice(often) if random.random() < 0.2 else random.randint(-9, 20)
        for _ in range(length)
    ]


def wrong_programs(task: Task) -> list[CodeType]:
    """The programs with exactly one habitual mistake."""
    texts = dict.fromkeys(
        task.program(style, {habit}) for style in STYLES for habit in task.habits(style)
    )
    return [compile(text, "<program>", "exec") for text in texts]


def surviving(task: Task, programs: list[CodeType], lists: list[list[int]]) -> list[CodeType]:
    """The programs that answer all these lists rightly."""
    return [
        program
        for program in programs
        if all(printed(program, task.layout.write(a)) == task.answer(a) for a in lists)
    ]


def printed(program: CodeType, stdin: str) -> str | None:
    """What a program of our own making prints, run right here; None if it raises."""
    lines = iter(stdin.splitlines())
    output: list[str] = []
    names: dict[str, Callable[..., object]] = {
        "input": lines.__next__,
        "print": lambda *values: output.append(" ".join(map(str, values)) + "\n"),
    }
    try:
        exec(program, names)
    except Exception:
        return None
    return "".join(output)
